// Lets one tab send a file: the one that holds its lock. A tab that is closed gives it back. Where the page has no locks
// (plain http from another machine) every tab has its turn at once, and the server lets one write.

export class Turns {
  held = new Map()

  constructor(name) {
    this.name = name
  }

  // Returns true if no tab sends it, this one included.
  async free(id) {
    if (!navigator.locks) return true
    const { held } = await navigator.locks.query()
    return !held.some(({ name }) => name === this.#lock(id))
  }

  // Returns once it is this tab's turn; `waiting` is called if another tab has it. Fails if it is given back meanwhile.
  async take(id, waiting) {
    if (!navigator.locks || this.held.has(id)) return this.held.get(id)?.turn
    const stop = new AbortController()
    const entry = { stop }
    this.held.set(id, entry)
    entry.turn = this.#now(id, entry).then((got) => got || (waiting(), this.#later(id, entry)))
    return entry.turn
  }

  giveBack(id) {
    const entry = this.held.get(id)
    this.held.delete(id)
    entry?.stop.abort()
    entry?.release?.()
  }

  #now(id, entry) {
    return this.#request(id, entry, { ifAvailable: true })
  }

  #later(id, entry) {
    return this.#request(id, entry, { signal: entry.stop.signal })
  }

  // Resolves when the lock is here (true) or can't be had at once (false); it is held until `entry.release` is called.
  #request(id, entry, options) {
    return new Promise((resolve, reject) => {
      const hold = (lock) => {
        resolve(lock !== null)
        return lock && !entry.stop.signal.aborted ? new Promise((release) => (entry.release = release)) : undefined
      }
      navigator.locks.request(this.#lock(id), options, hold).catch(reject)
    })
  }

  #lock(id) {
    return `${this.name} ${id}`
  }
}
