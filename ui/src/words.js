// Numbers and trouble as a person reads them.

const UNITS = ['kB', 'MB', 'GB', 'TB']
const KINDS = { checksum: 'Checksum', scan: 'Virus scan', copy: 'Copy', unzip: 'Unpacking' }

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

// Says what the scanner found in an upload.
export function scanned(scan) {
  const words = {
    pending: 'Being scanned for viruses…',
    clean: 'No virus found',
    found: `A virus was found${scan.name ? `: ${scan.name}` : ''}`,
    unscanned: 'Not scanned for viruses: it is too large',
    failed: 'Not scanned for viruses: the scanner can’t be reached',
  }
  return words[scan.verdict]
}

// Says what the server does with a finished upload, and how far that is.
export function job({ kind, args, phase, progress, error }) {
  const name = kind === 'command' ? `Command ${args.name}` : (KINDS[kind] ?? kind)
  if (phase === 'failed') return `${name} failed: ${sentence(error.message)}`
  if (phase === 'queued') return `${name}: waiting`
  if (phase !== 'running') return `${name}: ${phase}`
  return `${name}: ${progress.total ? percent(progress.done, progress.total) : 'under way'}`
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
