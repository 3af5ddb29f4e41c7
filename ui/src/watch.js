// The newest uploads that this visitor has at the server, from wherever they come, while they change. A row is what the server
// tells of an upload and its jobs, and { link (for others, once it is done), text (the same as told last), pause, due }.
//
// One stream, the feed, tells that something has happened. What it was, and how far uploads are, is asked for, one request at a
// time: a browser has six connections to a server (HTTP/1.1), and files take three. Nothing is asked while the page is hidden.

import { unfinished } from './uploads.js'
import { linkIn, TUS } from './wire.js'

export const NEWEST = 50
const TICK = 1000 // ms between two looks
const IDLE = 32 * TICK // between two questions about an upload that stays the same
const FIRST_LOOK = 100 // events back; ten times as far while there are fewer uploads than we show
const LAST_LOOK = 100_000
const EVENTS = ['created', 'finished', 'terminated', 'expired', 'lost', 'rolled-back', 'job']
const ENDED = new Set(['done', 'failed', 'cancelled'])
const REFUSED_LATE = new Set(['infected', 'unscanned']) // ends that are told; others just are no more

export class Watch {
  rows = new Map()
  #listeners = new Set()
  #denied = false
  #stop = null
  #cursor = 0
  #news = false

  constructor({ endpoint, downloads, uploads }) {
    Object.assign(this, { endpoint, downloads, uploads })
  }

  subscribe(listener) {
    this.#listeners.add(listener)
  }

  start() {
    document.addEventListener('visibilitychange', () => this.#review())
    this.uploads.subscribe(() => this.#review())
    this.#review()
  }

  // Uploads that this page doesn't list itself, newest first.
  others() {
    return [...this.rows.values()].filter(({ url }) => !this.uploads.of(url)).sort(byAge)
  }

  of(url) {
    return [...this.rows.values()].find((row) => row.url === url)
  }

  // On a shared computer, the next person is shown nothing.
  #review() {
    const { shared } = this.uploads.memory
    const wanted = !this.#denied && !shared && document.visibilityState === 'visible'
    if (shared && this.rows.size) this.#show([])
    if (wanted === Boolean(this.#stop)) return
    this.#stop?.abort()
    this.#stop = wanted ? new AbortController() : null
    if (wanted) this.#run(this.#stop.signal)
  }

  async #run(signal) {
    for (let pause = TICK; !signal.aborted; pause = Math.min(2 * pause, IDLE)) {
      await this.#follow(signal).catch((error) => (this.#denied ||= error instanceof Denied))
      if (this.#denied) return this.#show([])
      await sleep(pause, signal)
    }
  }

  // Runs until the stream or a request fails. The browser reconnects a stream that was cut, and asks for the events after
  // its last one.
  async #follow(signal) {
    this.#cursor = await this.#newest(signal)
    const feed = new EventSource(`events?since=${this.#cursor}`)
    for (const type of EVENTS) feed.addEventListener(type, ({ data }) => this.#heard(JSON.parse(data).subject))
    try {
      while (!signal.aborted && feed.readyState !== EventSource.CLOSED) {
        await this.#look(signal)
        await sleep(TICK, signal)
      }
    } finally {
      feed.close()
    }
  }

  // Fetches the newest uploads; returns the number of the last event before.
  async #newest(signal) {
    const { cursor } = await lines('events?format=ndjson&since=now', signal)
    let [back, rows] = [FIRST_LOOK, []]
    do {
      rows = (await lines(`uploads?format=ndjson&since=${Math.max(0, cursor - back)}`, signal)).rows
    } while (rows.length < NEWEST && back < cursor && (back *= 10) <= LAST_LOOK)
    this.#show(rows.map((row) => this.#merged(row)))
    return cursor
  }

  #heard(id) {
    this.#news = true
    if (this.rows.has(id)) this.#change(id, { due: 0 })
  }

  async #look(signal) {
    if (this.#news) await this.#learn(signal)
    for (const row of this.rows.values()) if (row.due <= Date.now() && !this.#sends(row)) await this.#ask(row, signal)
  }

  #sends({ url }) {
    const own = this.uploads.of(url)
    return own && unfinished(own)
  }

  async #learn(signal) {
    this.#news = false
    const { rows, cursor } = await lines(`uploads?format=ndjson&since=${this.#cursor}`, signal)
    this.#cursor = cursor
    this.#show([...this.rows.values(), ...rows.map((row) => this.#merged(row))])
  }

  // One that has been done for a while is asked about once, others until nothing happens any more.
  #merged(row) {
    const settled = row.phase === 'done' && Date.now() - Date.parse(row.updated) > IDLE
    return { ...this.rows.get(row.id), ...row, pause: settled ? IDLE : TICK, due: 0 }
  }

  async #ask(row, signal) {
    const answer = await fetch(`${row.url}/status?revision=${row.revision}`, { signal })
    if (answer.status === 404 || answer.status === 410) return this.#remove(row.id)
    if (answer.status === 401 || answer.status === 403) return this.#change(row.id, { due: Infinity })
    if (!answer.ok) throw new Error(`status: ${answer.status}`)
    const text = await answer.text()
    const told = JSON.parse(text)
    if (told.phase === 'gone') return this.#end(row.id, told.end)
    const pause = row.text && row.text !== text ? TICK : Math.min(2 * row.pause, IDLE)
    this.#change(row.id, { ...told, text, pause, due: isOver(told) && pause === IDLE ? Infinity : Date.now() + pause })
    if (told.phase === 'done' && row.link === undefined) this.#change(row.id, { link: await this.#link(told.url, signal) })
  }

  async #link(url, signal) {
    if (!this.downloads) return null
    const answer = await fetch(url, { method: 'HEAD', headers: TUS, signal })
    return linkIn(answer.headers.get('Link')) ?? null
  }

  #end(id, end) {
    if (REFUSED_LATE.has(end)) this.#change(id, { phase: 'gone', end, jobs: [], due: Infinity })
    else this.#remove(id)
  }

  #change(id, changes) {
    if (this.rows.has(id)) this.rows.set(id, { ...this.rows.get(id), ...changes })
    this.#tell()
  }

  #remove(id) {
    this.rows.delete(id)
    this.#tell()
  }

  // Returns the rows with URLs that this page may ask, without partial uploads.
  #show(rows) {
    const ours = rows.filter(({ url, kind }) => url.startsWith(this.endpoint) && kind !== 'partial')
    this.rows = new Map(ours.sort(byAge).map((row) => [row.id, row]))
    for (const id of [...this.rows.keys()].slice(NEWEST)) this.rows.delete(id)
    this.#tell()
  }

  #tell() {
    for (const listener of this.#listeners) listener()
  }
}

// The server has no such lists, or none for this visitor.
class Denied extends Error {}

// A list, once it is known to be whole.
async function lines(url, signal) {
  const answer = await fetch(url, { signal })
  if ([401, 403, 404].includes(answer.status)) throw new Denied()
  const rows = (await answer.text()).split('\n').filter(Boolean).map((line) => JSON.parse(line))
  return { rows, cursor: Number(rows.pop().end.cursor) }
}

function isOver({ phase, jobs }) {
  return phase === 'done' && jobs.every((job) => ENDED.has(job.phase))
}

function byAge(one, other) {
  return one.created < other.created ? 1 : one.created > other.created ? -1 : 0
}

function sleep(ms, signal) {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
    signal.addEventListener('abort', resolve, { once: true })
  })
}
