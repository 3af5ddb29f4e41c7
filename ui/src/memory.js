// Keeps what outlives the page: a record of each upload and, where there is room, the file itself; on a shared computer
// only that it is one. Every failure to remember is ignored: the upload goes on, and a reload asks for the file again.

import { clear, createStore, del, entries, get, keys, promisifyRequest, set, update } from 'idb-keyval'

const LARGEST_KEPT = 512 * 1024 * 1024
const ROOM = 3 // times the file, so that a browser short of space isn't filled
const DAY = 24 * 3600 * 1000
const KEPT = { done: 7 * DAY, unfinished: 30 * DAY } // since it was last heard of
const SHARED = 'tusd-py shared computer'

export class Memory {
  constructor(endpoint) {
    this.records = createStore(`tusd-py ${endpoint}`, 'records')
    this.files = createStore(`tusd-py files ${endpoint}`, 'files')
    this.shared = choice(() => localStorage.getItem(SHARED)) === 'on'
  }

  // Sets if the computer is shared; every page of this server in this browser remembers it.
  async share(on) {
    this.shared = on
    choice(() => (on ? localStorage.setItem(SHARED, 'on') : localStorage.removeItem(SHARED)))
    if (on) await this.clear()
  }

  // All records, in the order they were added.
  async all() {
    const found = (await quiet(() => entries(this.records))) ?? []
    return found.map(([, record]) => record).sort((a, b) => a.added - b.added)
  }

  record(id) {
    return quiet(() => get(id, this.records))
  }

  // Adds a record, or merges it into that of an unfinished upload of the same file: a URL that another tab stored stays.
  async add(record) {
    const merged = (old) => ({ ...(old?.state === 'done' ? {} : old), ...record, heard: Date.now() })
    if (!this.shared) await quiet(() => update(record.id, merged, this.records))
  }

  // A record that is there; one that was forgotten stays so.
  note(id, changes) {
    return quiet(() =>
      this.records('readwrite', (store) => {
        const asked = store.get(id)
        asked.onsuccess = () => asked.result && store.put({ ...asked.result, ...changes, heard: Date.now() }, id)
        return promisifyRequest(store.transaction)
      })
    )
  }

  // Unless its record was forgotten meanwhile.
  async keep(id, file) {
    if (this.shared || file.size > LARGEST_KEPT || (await room()) <= ROOM * file.size) return
    await quiet(() => set(id, file, this.files))
    if (!(await this.record(id))) await this.drop(id)
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

  // Everything. Records go first: a file that comes late finds none, and goes too.
  async clear() {
    await quiet(() => clear(this.records))
    await quiet(() => clear(this.files))
  }

  // Files whose upload is not remembered: a page was closed between the two. A record is always there before its file.
  async tidy() {
    const kept = (await quiet(() => keys(this.files))) ?? []
    const known = new Set((await this.all()).map(({ id }) => id))
    for (const id of kept) if (!known.has(id)) await this.drop(id)
  }
}

export function isOld({ state, heard, added }, now = Date.now()) {
  return now - (heard ?? added) > (KEPT[state] ?? KEPT.unfinished)
}

async function room() {
  const { quota, usage } = (await quiet(() => navigator.storage.estimate())) ?? { quota: Infinity, usage: 0 }
  return quota - usage
}

// Returns null where the browser's settings forbid storage: there even reading fails.
function choice(work) {
  try {
    return work()
  } catch {
    return null
  }
}

async function quiet(work) {
  try {
    return await work()
  } catch {
    return undefined
  }
}
