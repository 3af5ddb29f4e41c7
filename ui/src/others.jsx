// Lists this visitor's other uploads at the server: from other tabs and devices, or no longer in this browser's list.

import { Icon } from './icons.jsx'
import { Button, Name, useCopying, Work } from './row.jsx'
import { NEWEST } from './watch.js'
import { bytes, percent } from './words.js'

export function Others({ watch, uploads, downloads }) {
  const rows = watch.others()
  if (rows.length === 0) return null
  return (
    <section aria-labelledby="others">
      <div class="summary">
        <h2 id="others">{watch.rows.size < NEWEST ? 'Also on the server' : `Also on the server, the newest ${rows.length}`}</h2>
      </div>
      <ul>{rows.map((row) => <Other key={row.id} row={row} uploads={uploads} downloads={downloads} />)}</ul>
    </section>
  )
}

function Other({ row, uploads, downloads }) {
  const name = row.metadata.filename || row.metadata.name || row.id
  const done = row.phase === 'done'
  const link = done && downloads && row.link
  return (
    <li class={`row ${look(row)}`} data-id={row.id}>
      <span class="mark">
        <Icon name={done ? 'check' : 'file'} />
      </span>
      <div class="text">
        <Name of={name} href={link || undefined} />
        {!row.end && <progress value={row.length === null ? undefined : row.offset} max={row.length || 1} aria-label={`Progress of ${name}`} />}
        <span class="status">{status(row)}</span>
        <Work of={row} />
      </div>
      {link && <div class="buttons"><CopyLink row={{ name, link }} uploads={uploads} /></div>}
    </li>
  )
}

function CopyLink({ row, uploads }) {
  return <Button wide {...useCopying(row, uploads)} of={row.name} />
}

function look({ phase, paused }) {
  if (phase === 'gone') return 'failed'
  if (phase === 'done') return 'done'
  return paused ? 'paused' : 'sending'
}

function status({ phase, end, offset, length, paused }) {
  if (end === 'infected') return 'The server removed it: it has a virus.'
  if (end === 'unscanned') return 'The server removed it: it can’t be scanned for viruses.'
  if (phase === 'done') return bytes(length)
  if (phase === 'finishing') return 'Finishing…'
  const share = length === null ? `${bytes(offset)} so far` : `${percent(offset, length)} of ${bytes(length)}`
  return paused ? `Paused at ${share}` : share
}
