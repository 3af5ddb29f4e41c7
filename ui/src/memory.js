// What outlives the page: a record of each upload and, where there is room, the file itself. Every failure to remember
// is passed over: the upload goes on, and a reload asks for the file again.

import { createStore, del, entries, get, keys, set, update } from 'idb-keyval'

const LARGEST_KEPT = 512 * 1024 * 1024
const ROOM = 3 // times the file, so that a browser short of space isn't filled

export class Memory {
  constructor(endpoint) {
    this.records = createStore(`tusd-py ${endpoint}`, 'records')
    this.files = createStore(`tusd-py files ${endpoint}`, 'files')
  }

  // All records, in the order they were added.
  async all() {
    const found = (await quiet(() => entries(this.records))) ?? []
    return found.map(([, record]) => record).sort((a, b) => a.added - b.added)
  }

  record(id) {
    return quiet(() => get(id, this.records))
  }

  // What another tab knows of an unfinished upload of the same file stays: its URL.
  add(record) {
    const merged = (old) => (old?.state === 'done' ? record : { ...old, ...record })
    return quiet(() => update(record.id, merged, this.records))
  }

  // A record that is there; one that was forgotten stays so.
  async note(id, changes) {
    if (await this.record(id))
      await quiet(() => update(id, (record) => ({ ...record, ...changes }), this.records))
  }

  async keep(id, file) {
    if (file.size <= LARGEST_KEPT && (await room()) > ROOM * file.size) await quiet(() => set(id, file, this.files))
  }

  file(id) {
    return quiet(() => get(id, this.files))
  }

  drop(id) {
    return quiet(() => del(id, this.files))
  }

  async forget(id) {
    await quiet(() => del(id, this.records))
    await this.drop(id)
  }

  // Files whose upload is not remembered: a page was closed between the two. A record is always there before its file.
  async tidy() {
    const kept = (await quiet(() => keys(this.files))) ?? []
    const known = new Set((await this.all()).map(({ id }) => id))
    for (const id of kept) if (!known.has(id)) await this.drop(id)
  }
}

async function room() {
  const { quota, usage } = (await quiet(() => navigator.storage.estimate())) ?? { quota: Infinity, usage: 0 }
  return quota - usage
}

async function quiet(work) {
  try {
    return await work()
  } catch {
    return undefined
  }
}
