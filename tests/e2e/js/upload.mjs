// Does with tus-js-client what its argument says, and says what happens: one JSON object a line, each way.
//   file        path of the bytes
//   stream      hand them over as a stream of unknown length
//   urls        path of a file that remembers upload URLs from one process to the next
//   token       path of a file with the credential, which is read for each request again; a 401 is asked again
//   lapseAt     once so many bytes are sent, write to that file the credential `lapsed`
//   dieAt       once so many bytes are sent, end as if killed
//   stopAt      once so many bytes are sent, leave the upload (terminate: and delete it)
//   options     for tus.Upload, as they are

import { createReadStream, readFileSync, writeFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import tus from 'tus-js-client'

const settings = JSON.parse(process.argv[2])
const { file, stream, urls, token, lapseAt = Infinity, dieAt = Infinity, stopAt = Infinity, terminate } = settings
const requests = []

const say = (event, more = {}) => console.log(JSON.stringify({ event, url: upload.url, requests, ...more }))

const upload = new tus.Upload(stream ? createReadStream(file).pipe(new PassThrough()) : readFileSync(file), {
  retryDelays: [0, 250, 500, 1000, 1000, 1000, 1000, 1000, 1000, 1000],
  ...settings.options,
  ...(token && {
    onBeforeRequest: (request) => request.setHeader('Authorization', `Bearer ${readFileSync(token)}`),
    onShouldRetry: (error) => [0, 401, 409, 423].includes(error.originalResponse?.getStatus() ?? 0),
  }),
  ...(urls && { urlStorage: new tus.FileUrlStorage(urls) }),
  onAfterResponse: (request, response) => {
    const told = { 'X-Request-ID': response.getHeader('X-Request-ID') }
    requests.push({ method: request.getMethod(), status: response.getStatus(), told })
    if (response.getStatus() === 401) say('refused')
  },
  onProgress: (sent, total) => {
    say('progress', { sent, total })
    if (sent >= lapseAt) lapse()
    if (sent >= dieAt) process.kill(process.pid, 'SIGKILL')
    if (sent >= stopAt) leave()
  },
  onSuccess: () => say('success'),
  onError: (error) => say('error', { reason: String(error) }),
})

let lapsed = false
function lapse() {
  if (lapsed) return
  lapsed = true
  writeFileSync(token, settings.lapsed)
}

let left = false
async function leave() {
  if (left) return
  left = true
  await upload.abort(terminate)
  say('left')
}

const [previous] = urls ? await upload.findPreviousUploads() : []
if (previous) upload.resumeFromPreviousUpload(previous)
upload.start()
