import { getDroppedFiles } from '@uppy/core/utils'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Icon } from './icons.jsx'
import { Keeping } from './keeping.jsx'
import { Others } from './others.jsx'
import { Row } from './row.jsx'
import { underWay } from './uploads.js'
import { bytes, percent } from './words.js'

export function Page({ uploads, watch, downloads, accept }) {
  useRenewal(uploads)
  useRenewal(watch)
  const online = useOnline()
  const over = useDrop((files) => uploads.add(files))
  const chooser = useRef(null)
  const rows = [...uploads.rows.values()]
  useTitle(rows)

  return (
    <main class={over ? 'over' : ''}>
      <h1>Upload files</h1>
      <Chooser chooser={chooser} accept={accept} onFiles={(files) => uploads.add(files)} />
      <Notices uploads={uploads} />
      {rows.length === 0 && <Assurance maxSize={uploads.maxSize} shared={uploads.memory.shared} />}
      {rows.length > 0 && (
        <section aria-label="Uploads">
          <Summary rows={rows} uploads={uploads} chooser={chooser} />
          <ul>
            {rows.map((row) => (
              <Row key={row.id} row={row} told={watch.of(row.url)} uploads={uploads} downloads={downloads} online={online}
                onChoose={() => chooser.current.click()}
                onRemove={(event) => remove(event, uploads, row.id, chooser.current)} />
            ))}
          </ul>
        </section>
      )}
      <Others watch={watch} uploads={uploads} downloads={downloads} />
      <Keeping uploads={uploads} />
      <p class="hidden" role="status">{uploads.saying}</p>
    </main>
  )
}

function Chooser({ chooser, accept, onFiles }) {
  function chosen(event) {
    onFiles([...event.target.files])
    event.target.value = '' // the same file may be chosen again
  }

  return (
    <div class="drop">
      <input ref={chooser} id="files" class="hidden" type="file" multiple accept={accept} onChange={chosen} />
      <label for="files">
        <Icon name="up" />
        <span class="choose">Choose files</span>
        <span class="hint" aria-hidden="true">or drop them anywhere on this page</span>
      </label>
    </div>
  )
}

function Assurance({ maxSize, shared }) {
  const size = maxSize ? `Up to ${bytes(maxSize)} each` : 'Of any size'
  const cuts = shared ? 'a lost connection' : 'a lost connection or a reload'
  return <p class="promise">{size}: an upload continues automatically after {cuts}.</p>
}

function Notices({ uploads }) {
  return (
    <div role="alert">
      {uploads.notices.length > 0 && (
        <div class="notice">
          <div>{uploads.notices.map((notice) => <p key={notice}>{notice}</p>)}</div>
          <button type="button" class="icon" title="Dismiss" aria-label="Dismiss" onClick={() => uploads.dismiss()}>
            <Icon name="close" />
          </button>
        </div>
      )}
    </div>
  )
}

function Summary({ rows, uploads, chooser }) {
  const count = (state) => rows.filter((row) => row.state === state).length

  function clear(state) {
    uploads.clear(state)
    chooser.current.focus()
  }

  return (
    <div class="summary">
      <h2>{count('done')} of {rows.length} uploaded</h2>
      {count('failed') > 0 && <button type="button" class="plain" onClick={() => clear('failed')}>Clear errors</button>}
      {count('done') > 0 && <button type="button" class="plain" onClick={() => clear('done')}>Clear finished</button>}
    </div>
  )
}

// The focus goes to the neighbour of what was removed.
function remove(event, uploads, id, chooser) {
  const row = event.currentTarget.closest('li')
  const neighbour = row.nextElementSibling ?? row.previousElementSibling
  uploads.remove(id)
  const target = neighbour?.querySelector('.buttons button:last-child') ?? chooser
  target.focus()
}

function useRenewal(source) {
  const [, renew] = useState(0)
  useLayoutEffect(() => source.subscribe(() => renew((count) => count + 1)), [source])
}

function useOnline() {
  const [online, setOnline] = useState(navigator.onLine)
  useEffect(() => {
    addEventListener('online', () => setOnline(true))
    addEventListener('offline', () => setOnline(false))
  }, [])
  return online
}

// Files dropped or pasted anywhere, folders with what is in them; true while some are held over the page.
function useDrop(onFiles) {
  const [over, setOver] = useState(false)
  useLayoutEffect(() => { // at once: before it, a browser would open what is dropped
    const holds = (event) => event.dataTransfer?.types.includes('Files')
    const on = (name, act) => addEventListener(name, (event) => holds(event) && (event.preventDefault(), act(event)))
    on('dragover', () => setOver(true))
    on('dragleave', (event) => event.relatedTarget || setOver(false))
    on('drop', async (event) => {
      setOver(false)
      onFiles(await getDroppedFiles(event.dataTransfer))
    })
    addEventListener('paste', (event) => onFiles([...(event.clipboardData?.files ?? [])]))
  }, [])
  return over
}

function useTitle(rows) {
  const active = rows.filter(underWay)
  const sum = (what) => active.reduce((total, row) => total + row[what], 0)
  const title = active.length ? `${percent(sum('sent'), sum('size'))} – Upload files` : 'Upload files'
  useEffect(() => void (document.title = title), [title])
}
