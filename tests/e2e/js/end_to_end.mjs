// Repeats tus-js-client's end-to-end tests, which its package leaves out: files and streams of 50 MiB, and then, with
// plain requests, the same content, the metadata, no trace after a deletion. Usage: node end_to_end.mjs ENDPOINT

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import tus from 'tus-js-client'

const [, , endpoint] = process.argv
const SIZE = 50 * 1024 * 1024
const CHUNK = 20 * 1024 * 1024
const content = Buffer.alloc(SIZE, 'abcdefghij')
const metadata = { nonlatin: 'słońce', number: 100, filename: 'large-file.txt', filetype: 'text/plain' }
const pairs = Object.entries(metadata).map(([key, value]) => `${key} ${Buffer.from(String(value)).toString('base64')}`)

function* pieces() {
  for (let at = 0; at < SIZE; at += 1_000_003) yield content.subarray(at, at + 1_000_003)
}

function webStream() {
  const left = pieces()
  return new ReadableStream({
    pull(controller) {
      const { value, done } = left.next()
      done ? controller.close() : controller.enqueue(value)
    },
  })
}

const finished = (source, options) =>
  new Promise((resolve, reject) => {
    const upload = new tus.Upload(source, {
      endpoint,
      metadata,
      ...options,
      onSuccess: () => resolve(upload),
      onError: reject,
    })
    upload.start()
  })

const SOURCES = {
  'a buffer': [content, {}],
  'a stream of Node, of known size': [Readable.from(pieces()), { uploadSize: SIZE, chunkSize: CHUNK }],
  'a web stream, through Node': [Readable.fromWeb(webStream()), { uploadLengthDeferred: true, chunkSize: CHUNK }],
}

for (const [name, [source, options]] of Object.entries(SOURCES)) {
  test(name, async () => {
    const upload = await finished(source, options)
    assert.ok(upload.url.startsWith(endpoint), upload.url)

    const got = await fetch(upload.url)
    assert.equal(got.status, 200)
    assert.ok(content.equals(Buffer.from(await got.arrayBuffer())))

    const asked = await fetch(upload.url, { method: 'HEAD', headers: { 'Tus-Resumable': '1.0.0' } })
    assert.equal(asked.status, 200)
    assert.equal(asked.headers.get('Tus-Resumable'), '1.0.0')
    assert.equal(asked.headers.get('Upload-Offset'), String(SIZE))
    assert.equal(asked.headers.get('Upload-Length'), String(SIZE))
    assert.deepEqual(new Set(asked.headers.get('Upload-Metadata').split(',')), new Set(pairs))
    assert.equal(await asked.text(), '')

    await upload.abort(true)
    assert.equal((await fetch(upload.url)).status, 404)
  })
}
