// Uppy with its tus plugin, as an application has it. The query: `tus`, the plugin's options as JSON, `retriever`, and
// `login`: the page gets its tokens from `newToken`, a new one whenever one isn't good any more, as Uppy documents it.

import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import Tus from '@uppy/tus'

const query = new URLSearchParams(location.search)

const login = {
  onBeforeRequest: async (request) => {
    window.token ??= await window.newToken()
    request.setHeader('Authorization', `Bearer ${window.token}`)
  },
  onAfterResponse: async (request, response) => {
    if (response.getStatus() === 401) window.token = await window.newToken()
  },
  onShouldRetry: (error, attempt, options, byDefault) => error?.originalResponse?.getStatus() === 401 || byDefault(error),
}
const options = { ...JSON.parse(query.get('tus')), ...(query.has('login') && login) }

window.uppy = new Uppy({ autoProceed: true }).use(Tus, options)
if (query.has('retriever')) window.uppy.use(GoldenRetriever, { indexedDB: { maxFileSize: 1e9, maxTotalSize: 1e9 } })

document.querySelector('input').addEventListener('change', ({ target }) => window.uppy.addFiles([...target.files].map(described)))

function described(data) {
  return { name: data.name, type: data.type, data }
}
