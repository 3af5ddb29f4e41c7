// Uppy with its tus plugin, as an application has it. The query: `tus`, the plugin's options as JSON, and `retriever`.

import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import Tus from '@uppy/tus'

const query = new URLSearchParams(location.search)

window.uppy = new Uppy({ autoProceed: true }).use(Tus, JSON.parse(query.get('tus')))
if (query.has('retriever')) window.uppy.use(GoldenRetriever, { indexedDB: { maxFileSize: 1e9, maxTotalSize: 1e9 } })

document.querySelector('input').addEventListener('change', ({ target }) => window.uppy.addFiles([...target.files].map(described)))

function described(data) {
  return { name: data.name, type: data.type, data }
}
