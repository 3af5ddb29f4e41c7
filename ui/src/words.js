// Numbers and trouble as a person reads them.

const UNITS = ['kB', 'MB', 'GB', 'TB']

export function bytes(count) {
  if (count < 1000) return count === 1 ? '1 byte' : `${count} bytes`
  let [number, power] = [count / 1000, 0]
  while (number >= 999.5 && power < UNITS.length - 1) [number, power] = [number / 1000, power + 1]
  return `${number.toFixed(number < 9.95 ? 1 : 0)} ${UNITS[power]}`
}

export function duration(seconds) {
  if (seconds < 5) return 'a few seconds'
  if (seconds < 55) return `${Math.ceil(seconds / 5) * 5} s`
  if (seconds < 3300) return `${Math.ceil(seconds / 60)} min`
  return `${Math.ceil(seconds / 3600)} h`
}

export function percent(sent, size) {
  return `${size ? Math.min(100, Math.floor((100 * sent) / size)) : 100} %`
}

// Why an upload failed: in our own words, or the server's if it had any. `response` is an XMLHttpRequest.
export function reason(error, response) {
  if (error.causingError instanceof Misdirected) return error.causingError.message
  if (!response?.status) return 'The server can’t be reached.'
  const type = response.getResponseHeader('Content-Type') ?? ''
  const text = type.startsWith('text/plain') ? response.responseText.trim() : ''
  return text ? sentence(text.replace(/^[a-z-]+: /, '')) : `The server answered ${response.status} ${response.statusText}.`
}

// The server thinks that it is somewhere else than the browser does.
export class Misdirected extends Error {
  constructor(origin) {
    super(`The server takes uploads at ${origin}, where this page can’t send. It needs its setting behind-proxy or public-url.`)
  }
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
}
