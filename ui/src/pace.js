// Bytes a second, and seconds left, out of what has been sent when. Old moments count less and less.

const MEMORY = 4 // seconds after which a moment counts a third
const LEAST = 1 // seconds before anything is said

export class Pace {
  begin(sent, now) {
    this.from = this.last = { sent, now }
    this.speed = 0
    return this
  }

  add(sent, now) {
    const seconds = (now - this.last.now) / 1000
    if (seconds < 0.2) return
    const fresh = (sent - this.last.sent) / seconds
    const weight = this.speed ? 1 - Math.exp(-seconds / MEMORY) : 1
    this.speed += weight * (fresh - this.speed)
    this.last = { sent, now }
  }

  // { speed, left }, or nothing while it is too early to tell.
  tell(size) {
    if (this.speed < 1 || this.last.now - this.from.now < LEAST * 1000) return {}
    return { speed: this.speed, left: (size - this.last.sent) / this.speed }
  }
}
