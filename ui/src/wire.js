// Uppy and its tus client, told how to be patient, where URLs are remembered and whose turn it is.

import Uppy from '@uppy/core'
import Tus from '@uppy/tus'
import { Misdirected } from './words.js'

const RETRY = [0, 500, 1000, 2000, 4000, ...Array(400).fill(8000)] // for an hour without any progress
const ATONCE = 3

export const TUS = { 'Tus-Resumable': '1.0.0' }

// `uploads` is told what happens; `turns` says which tab may send.
export function connect({ endpoint, maxSize, uploads, turns }) {
  const owner = new WeakMap()

  function onBeforeRequest(request, file) {
    owner.set(request, file.id)
    return turns.take(file.id, () => uploads.change(file.id, { state: 'elsewhere' }))
  }

  function onAfterResponse(request, response) {
    checkHead(request, response)
    checkLocation(response, endpoint)
    const link = linkIn(response.getHeader('Link'))
    if (link) uploads.note(owner.get(request), { link })
  }

  function onShouldRetry(error, _attempt, _options, next) {
    const again = !(error.causingError instanceof Misdirected) && next(error)
    if (again) uploads.change(owner.get(error.originalRequest), { state: 'retrying' })
    return again
  }

  return new Uppy({ id: 'page', autoProceed: true, restrictions: { maxFileSize: maxSize }, logger: SILENT }).use(Tus, {
    endpoint,
    limit: ATONCE,
    retryDelays: RETRY,
    allowedMetaFields: ['name', 'type'],
    urlStorage: urlStorage(endpoint, uploads),
    onBeforeRequest,
    onAfterResponse,
    onShouldRetry,
  })
}

// tus-js-client starts over from byte 0 when HEAD fails with anything but 423. A proxy without a server behind it says 502.
function checkHead(request, response) {
  const status = response.getStatus()
  if (request.getMethod() === 'HEAD' && (status >= 500 || status === 429)) throw new Error(`HEAD: ${status}`)
}

// To another origin the page's policy lets nothing through, and that would look like a lost connection.
function checkLocation(response, endpoint) {
  const location = new URL(response.getHeader('Location') ?? '', endpoint)
  if (location.origin !== new URL(endpoint).origin) throw new Misdirected(location.origin)
}

// The link of a finished upload that gives no right to change it.
export function linkIn(header) {
  return /<([^>]+)>; rel="enclosure"/.exec(header ?? '')?.[1]
}

// Returns the storage in which tus-js-client looks for URLs of earlier uploads: our rows, which outlive the page.
function urlStorage(endpoint, uploads) {
  const idOf = (fingerprint) => fingerprint.slice('tus-'.length, -`-${endpoint}`.length)
  return {
    async findAllUploads() {
      return []
    },
    async findUploadsByFingerprint(fingerprint) {
      const id = idOf(fingerprint)
      const row = (await uploads.memory.record(id)) ?? uploads.rows.get(id)
      if (!row?.url || row.state === 'done') return []
      return [{ uploadUrl: row.url, urlStorageKey: id, size: row.size, metadata: {}, creationTime: String(row.added) }]
    },
    async addUpload(fingerprint, { uploadUrl }) {
      uploads.note(idOf(fingerprint), { url: uploadUrl })
      return idOf(fingerprint)
    },
    async removeUpload(id) {
      uploads.note(id, { url: null })
    },
  }
}

const SILENT = { debug() {}, warn() {}, error() {} }
