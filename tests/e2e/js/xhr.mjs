// As much of XMLHttpRequest as Uppy uses, made of Node's fetch.

export class XMLHttpRequest extends EventTarget {
  static sent = []

  upload = new EventTarget()
  status = 0
  statusText = ''
  responseText = ''
  #abort = new AbortController()
  #headers = {}
  #answered = new Headers()

  open(method, url) {
    Object.assign(this, { method, url })
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value
  }

  getResponseHeader(name) {
    return this.#answered.get(name)
  }

  getAllResponseHeaders() {
    return [...this.#answered].map(([name, value]) => `${name}: ${value}\r\n`).join('')
  }

  abort() {
    this.#abort.abort()
  }

  async send(body) {
    try {
      const { method, url } = this
      const answer = await fetch(url, { method, body, headers: this.#headers, signal: this.#abort.signal })
      this.responseText = await answer.text()
      Object.assign(this, { status: answer.status, statusText: answer.statusText })
      this.#answered = answer.headers
      XMLHttpRequest.sent.push({ method, host: new URL(url).host, status: answer.status })
      this.#tellProgress(body?.size ?? 0)
      this.#tell('load')
    } catch (error) {
      this.#tell(error.name === 'AbortError' ? 'abort' : 'error')
    }
  }

  #tellProgress(size) {
    const event = Object.assign(new Event('progress'), { lengthComputable: true, loaded: size, total: size })
    this.upload.onprogress?.(event)
    this.upload.dispatchEvent(event)
  }

  #tell(name) {
    const event = new Event(name)
    this[`on${name}`]?.(event)
    this.dispatchEvent(event)
  }
}
