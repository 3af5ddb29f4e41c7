// Does with Uppy and its S3 plugin what its argument says, and says what happens: one JSON object a line.
//   file        path of the bytes
//   name, type  of the file
//   meta        more of its metadata
//   endpoint    of Companion's routes
//   presign     URL that answers signRequest instead; size: tell it the file's name and length
//   options     for the plugin
//   chunk       bytes of a part, where that isn't Uppy's to say
//   restored    {key, uploadId} of an upload that another process began
//   pause       after the first part, for a moment
//   cancel      after the first part
//   retry       after a failure, as a person would, until it works

import { readFileSync } from 'node:fs'
import { XMLHttpRequest } from './xhr.mjs'

globalThis.XMLHttpRequest = XMLHttpRequest
process.on('unhandledRejection', (error) => console.error(error)) // as a browser does: it goes on

const told = JSON.parse(process.argv[2])
const say = (event, more = {}) => console.log(JSON.stringify({ event, requests: XMLHttpRequest.sent, ...more }))

export async function drive(Uppy, AwsS3) {
  const uppy = new Uppy()
  const parting = told.chunk ? { getChunkSize: () => told.chunk } : {}
  uppy.use(AwsS3, { ...entrance(AwsS3, uppy), ...parting, ...told.options })
  const id = uppy.addFile({ name: told.name, type: told.type, data: new Blob([readFileSync(told.file)]), meta: told.meta })
  if (told.restored) uppy.setFileState(id, { s3Multipart: told.restored })
  uppy.on('s3-multipart:part-uploaded', (file, part) => {
    say('part', { part: part.PartNumber, state: uppy.getFile(id)?.s3Multipart })
    if (told.pause) pause(uppy)
    if (told.cancel) uppy.cancelAll()
  })
  uppy.on('upload-success', (file, { uploadURL, body }) => say('success', { url: uploadURL, body }))
  uppy.on('upload-error', (file, error) => failed(uppy, error))
  await uppy.upload()
  if (!told.retry) say('end')
}

function failed(uppy, error) {
  say(told.retry ? 'failure' : 'error', { reason: String(error) })
  if (told.retry) setTimeout(() => uppy.retryAll(), 500)
}

let paused = false
function pause(uppy) {
  if (paused) return
  paused = true
  uppy.pauseAll()
  setTimeout(() => uppy.resumeAll(), 100)
}

function entrance(AwsS3, uppy) {
  const version = Number(AwsS3.VERSION.split('.')[0])
  if (told.presign) return { generateObjectKey: (file) => file.id, signRequest: (request) => signRequest(uppy, request) }
  return version < 6 ? { endpoint: told.endpoint } : { companionEndpoint: told.endpoint }
}

async function signRequest(uppy, request) {
  const { name, size } = request.uploadId ? {} : uppy.getFile(request.key)
  const more = told.size ? { filename: name, size, metadata: told.meta } : {}
  const answer = await fetch(told.presign, { method: 'POST', body: JSON.stringify({ ...request, ...more }) })
  if (!answer.ok) throw new Error(answer.statusText)
  return await answer.json()
}
