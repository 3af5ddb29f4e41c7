import { useState } from 'preact/hooks'
import { copy } from './clipboard.js'
import { Icon } from './icons.jsx'
import { underWay } from './uploads.js'
import { bytes, duration, job, percent, scanned } from './words.js'

const COPIED = 2000 // ms
const TAIL = 8 // characters

// One upload. Its two buttons are the same ones all along, so that the focus stays where it is when their meaning changes.
export function Row({ row, told, uploads, downloads, online, onRemove, onChoose }) {
  const done = row.state === 'done'
  return (
    <li class={`row ${row.state}`} data-id={row.id}>
      <span class="mark">
        <Icon name={done ? 'check' : 'file'} />
      </span>
      <div class="text">
        <Name of={row.name} href={done && downloads ? row.link : undefined} />
        {!done && <progress value={row.sent} max={row.size || 1} aria-label={`Progress of ${row.name}`} />}
        <span class="status">{status(row, online)}</span>
        {done && told && <Work of={told} />}
      </div>
      {row.state !== 'elsewhere' && (
        <div class="buttons">
          <Main row={row} uploads={uploads} downloads={downloads} onChoose={onChoose} />
          <Button icon="close" name={done ? 'Remove from list' : 'Cancel'} of={row.name} onClick={onRemove} key="remove" />
        </div>
      )}
    </li>
  )
}

// Shows a name; one that is too long loses its middle, since its end says most.
export function Name({ of, href }) {
  const Tag = href ? 'a' : 'span'
  return (
    <Tag class="name" href={href} title={of}>
      <span class="hidden">{of}</span>
      <span class="stem" aria-hidden="true">{of.slice(0, -TAIL)}</span>
      <span aria-hidden="true">{of.slice(-TAIL)}</span>
    </Tag>
  )
}

function Main({ row, uploads, downloads, onChoose }) {
  const copying = useCopying(row, uploads)
  if (row.state === 'done') return downloads && row.link && <Button wide {...copying} of={row.name} />
  if (row.state === 'missing') return <Button wide icon="file" name="Choose again" of={row.name} onClick={onChoose} />
  if (row.state === 'failed') return <Button icon="retry" name="Try again" of={row.name} onClick={() => uploads.retry(row.id)} />
  if (row.state === 'paused') return <Button icon="play" name="Resume" of={row.name} onClick={() => uploads.resume(row.id)} />
  return <Button icon="pause" name="Pause" of={row.name} onClick={() => uploads.pause(row.id)} />
}

// Returns the properties of a button that copies the link of a row.
export function useCopying(row, uploads) {
  const [copied, setCopied] = useState(false)

  async function onClick() {
    await copy(row.link)
    setCopied(true)
    uploads.say(`Link copied: ${row.name}`)
    setTimeout(setCopied, COPIED, false)
  }

  return { icon: copied ? 'check' : 'link', name: copied ? 'Copied' : 'Copy link', onClick }
}

// Shows the scanner's verdict and the jobs of an upload.
export function Work({ of: { scan, jobs = [] } }) {
  return [
    scan && <span class="status">{scanned(scan)}</span>,
    ...jobs
      .filter(({ kind }) => !scan || kind !== 'scan')
      .map((each) => <span class={each.phase === 'failed' ? 'status trouble' : 'status'} key={each.id}>{job(each)}</span>),
  ]
}

export function Button({ icon, name, of, wide, onClick }) {
  return (
    <button type="button" class={wide ? 'wide' : 'icon'} title={wide ? undefined : name} aria-label={`${name}: ${of}`} onClick={onClick}>
      <Icon name={icon} />
      {wide && <span>{name}</span>}
    </button>
  )
}

function status(row, online) {
  const share = `${percent(row.sent, row.size)} of ${bytes(row.size)}`
  if (row.state === 'done') return bytes(row.size)
  if (row.state === 'failed') return row.reason
  if (row.state === 'paused') return `Paused at ${share}`
  if (row.state === 'missing') return `Interrupted at ${share}. Choose the file again to go on.`
  if (row.state === 'elsewhere') return 'Another tab is sending this file.'
  if (underWay(row) && !online) return `Offline at ${share}. It continues when you are online again.`
  if (row.state === 'retrying') return `Connection lost at ${share}. Trying again…`
  if (row.state === 'waiting') return `Waiting · ${bytes(row.size)}`
  if (row.sent >= row.size) return 'Finishing…'
  return [share, row.speed && `${bytes(row.speed)}/s`, row.left && `${duration(row.left)} left`].filter(Boolean).join(' · ')
}
