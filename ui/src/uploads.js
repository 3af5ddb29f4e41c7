// The uploads of this page, in any state. A row is
//   { id, name, size, added, url, link (for others, once it is done), state, sent, speed, left, reason }
// and its state one of
//   waiting, sending, retrying, paused, elsewhere (another tab sends it), missing (its file must be chosen again),
//   failed, done

import { isOld, Memory } from './memory.js'
import { Pace } from './pace.js'
import { Turns } from './turns.js'
import { connect, linkIn, TUS } from './wire.js'
import { bytes, reason } from './words.js'

const UNDER_WAY = new Set(['waiting', 'sending', 'retrying'])
const STOPPED = { done: 'done', paused: 'paused', failed: 'paused' } // and what becomes of them with the next page

export class Uploads {
  rows = new Map()
  notices = []
  saying = '' // for screen readers
  #cancelled = new Map() // by URL: the server may still have them
  #paces = new Map()
  #listeners = new Set()
  #last = 0

  constructor({ endpoint, maxSize }) {
    this.maxSize = maxSize
    this.memory = new Memory(endpoint)
    this.turns = new Turns(`tusd-py ${endpoint}`)
    this.tabs = new BroadcastChannel(`tusd-py ${endpoint}`)
    this.tabs.onmessage = ({ data: { forget, shared } }) => (forget ? this.#forgetAll() : this.#share(shared))
    this.uppy = connect({ endpoint, maxSize, uploads: this, turns: this.turns })
      .on('upload-progress', (file, { bytesUploaded }) => this.#progressed(file.id, bytesUploaded))
      .on('upload-success', (file, { uploadURL }) => this.#finished(file.id, uploadURL))
      .on('upload-error', (file, error, response) => this.#failed(file.id, reason(error, response?.body?.xhr)))
      .on('restriction-failed', (file) => this.#refused(file))
  }

  subscribe(listener) {
    this.#listeners.add(listener)
  }

  // The row of the upload with this URL, also if it was just cancelled.
  of(url) {
    return [...this.rows.values()].find((row) => row.url === url) ?? this.#cancelled.get(url)
  }

  // Files that were chosen or dropped. One that is here already goes on, or once more if it was finished.
  add(files) {
    for (const file of files) this.#add(file)
  }

  // Takes up the uploads that an earlier page left, but for old ones and those that another tab sends.
  async restore() {
    if (this.memory.shared) await this.memory.clear()
    for (const record of await this.memory.all())
      if (record.state === 'done' || (await this.turns.free(record.id)))
        await (isOld(record) ? this.memory.forget(record.id) : this.#takeUp(record))
    this.memory.tidy()
  }

  // Ends what is unfinished, and keeps nothing of any upload, in all tabs.
  async forgetAll() {
    this.tabs.postMessage({ forget: true })
    await this.#forgetAll()
    this.say('Everything is forgotten.')
  }

  // Sets for all tabs if the computer is shared: then nothing is kept, and what was kept is forgotten.
  async share(shared) {
    this.tabs.postMessage({ shared })
    await this.#share(shared)
    this.say(shared ? 'This browser keeps nothing.' : 'This browser keeps uploads from now on.')
  }

  pause(id) {
    if (!this.uppy.getFile(id).isPaused) this.uppy.pauseResume(id)
    this.turns.giveBack(id)
    this.note(id, { state: 'paused' })
    this.say(`Paused: ${this.rows.get(id).name}`)
  }

  async resume(id) {
    const file = this.uppy.getFile(id) ?? (await this.memory.file(id))
    if (!file) return this.note(id, { state: 'missing' })
    this.note(id, { state: 'waiting' })
    if (file instanceof File) this.#hand(file)
    else this.uppy.pauseResume(id)
  }

  retry(id) {
    this.note(id, { state: 'waiting', reason: null })
    if (this.uppy.getFile(id)) this.uppy.retryUpload(id).catch(() => {}) // told as upload-error
    else this.resume(id)
  }

  // Takes it off the list, and what was sent of an unfinished one off the server.
  remove(id) {
    const row = this.rows.get(id)
    const { state, url, name } = row
    if (unfinished(row)) this.#cancelled.set(url, row)
    const uppyCares = this.uppy.getFile(id) && state !== 'failed'
    if (this.uppy.getFile(id)) this.uppy.removeFile(id)
    if (url && state !== 'done' && !uppyCares) fetch(url, { method: 'DELETE', headers: TUS }).catch(() => {})
    this.#forget(id)
    this.say(state === 'done' ? `Removed from the list: ${name}` : `Cancelled: ${name}`)
  }

  clear(state) {
    for (const row of [...this.rows.values()]) if (row.state === state) this.remove(row.id)
    if (state === 'failed') this.dismiss()
  }

  dismiss() {
    this.notices = []
    this.#tell()
  }

  // Changes a row; `note` also remembers it.
  change(id, changes) {
    const row = this.rows.get(id)
    if (!row) return
    if (changes.state !== 'sending') this.#paces.delete(id)
    this.rows.set(id, { ...row, speed: undefined, left: undefined, ...changes })
    this.#tell()
  }

  note(id, changes) {
    this.change(id, changes)
    this.memory.note(id, changes)
  }

  say(text) {
    this.saying = text
    this.#tell()
  }

  #add(file) {
    const known = [...this.rows.values()].find((row) => sameFile(row, file))
    if (!known) return this.#hand(file)
    if (known.state === 'done') this.#startOver(known.id, file)
    else if (known.state === 'missing') this.#hand(file)
    else if (known.state === 'paused') this.resume(known.id)
    else if (known.state === 'failed') this.retry(known.id)
    else this.say(`Already under way: ${file.name}`)
  }

  #startOver(id, file) {
    if (this.uppy.getFile(id)) this.uppy.removeFile(id)
    this.#forget(id)
    this.#hand(file)
  }

  // Gives a file to Uppy, which starts to send it at once.
  #hand(file) {
    let id
    try {
      id = this.uppy.addFile({ name: file.name, type: file.type, data: file })
    } catch {
      return // told as restriction-failed
    }
    const { name, size, lastModified } = file
    const record = { id, name, size, lastModified, added: this.#next(), ...this.rows.get(id), state: 'waiting' }
    this.#show(record)
    this.memory.add(record).then(() => this.memory.keep(id, file))
  }

  // A time that no other has: the list is sorted by it.
  #next() {
    this.#last = Math.max(Date.now(), this.#last + 1)
    return this.#last
  }

  #show(record) {
    this.rows.set(record.id, { sent: record.state === 'done' ? record.size : 0, ...record })
    this.#tell()
  }

  async #takeUp({ id }) {
    const record = await this.memory.record(id)
    if (!record) return // forgotten meanwhile
    const file = record.state === 'done' ? null : await this.memory.file(record.id)
    const state = STOPPED[record.state] ?? 'waiting'
    this.#show({ ...record, state: file || state === 'done' ? state : 'missing' })
    if (file && state === 'waiting') this.#hand(file)
    else if (record.url) this.#ask(record)
  }

  // Asks the server for the offset of a remembered upload, and forgets one that the server no longer knows.
  async #ask({ id, url }) {
    const answer = await fetch(url, { method: 'HEAD', headers: TUS }).catch(() => null)
    const row = this.rows.get(id)
    if (!answer || !row || this.uppy.getFile(id)) return
    const gone = answer.status === 404 || answer.status === 410
    if (gone && row.state !== 'paused') this.#forget(id)
    else if (answer.ok) this.#learn(row, answer.headers)
  }

  // An earlier page may have been closed before it remembered that the upload was finished.
  #learn({ id, url, size, state }, headers) {
    const sent = Number(headers.get('Upload-Offset'))
    this.change(id, { sent, link: linkIn(headers.get('Link')) })
    if (sent === size && state !== 'done') this.#finished(id, url)
  }

  #progressed(id, sent) {
    const row = this.rows.get(id)
    if (!row || this.uppy.getFile(id)?.isPaused) return
    const now = performance.now()
    const pace = this.#paces.get(id) ?? new Pace().begin(sent, now)
    this.#paces.set(id, pace)
    pace.add(sent, now)
    this.change(id, { state: 'sending', sent, ...pace.tell(row.size) })
  }

  #finished(id, url) {
    if (!this.rows.has(id)) return
    this.turns.giveBack(id)
    this.note(id, { state: 'done', url, sent: this.rows.get(id).size })
    this.memory.drop(id)
    this.say(`Uploaded: ${this.rows.get(id).name}`)
  }

  #failed(id, reason) {
    if (!this.rows.has(id)) return
    this.turns.giveBack(id)
    this.note(id, { state: 'failed', reason })
    this.say(`Failed: ${this.rows.get(id).name}`)
  }

  #refused(file) {
    if (file) this.notices = [...this.notices, `${file.name} is larger than the ${bytes(this.maxSize)} that this server takes.`]
    this.#tell()
  }

  #forget(id) {
    this.turns.giveBack(id)
    this.rows.delete(id)
    this.#paces.delete(id)
    this.memory.forget(id)
    this.#tell()
  }

  async #forgetAll() {
    for (const id of [...this.rows.keys()]) this.remove(id)
    this.dismiss()
    await this.memory.clear()
  }

  async #share(shared) {
    await this.memory.share(shared)
    this.#tell()
  }

  #tell() {
    for (const listener of this.#listeners) listener()
  }
}

export function underWay(row) {
  return UNDER_WAY.has(row.state)
}

export function unfinished(row) {
  return row.state !== 'done'
}

function sameFile(row, file) {
  return row.name === file.name && row.size === file.size && row.lastModified === file.lastModified
}
