// Says what this browser keeps, and lets its user forget it.

import { unfinished } from './uploads.js'

export function Keeping({ uploads }) {
  const { shared } = uploads.memory

  function forget() {
    const count = [...uploads.rows.values()].filter(unfinished).length
    const lost = count === 1 ? 'An upload isn’t finished. It is cancelled, and' : `${count} uploads aren’t finished. They are cancelled, and`
    if (count === 0 || confirm(`${lost} what was sent is removed from the server.`)) uploads.forgetAll()
  }

  return (
    <section class="keeping" aria-labelledby="keeping">
      <h2 id="keeping">What this browser keeps</h2>
      <p>{shared ? SHARED : OWN}</p>
      <div>
        <label>
          <input type="checkbox" checked={shared} onChange={(event) => uploads.share(event.target.checked)} />
          <span>This is a shared computer: keep nothing</span>
        </label>
        <button type="button" class="plain" onClick={forget}>Forget everything</button>
      </div>
    </section>
  )
}

const OWN =
  'The names and links of your uploads, and copies of files that are not uploaded yet, so that these go on after a reload. ' +
  'The next person at this browser sees them. Finished uploads are forgotten after a week, unfinished ones after a month.'
const SHARED =
  'Nothing but this choice. When this page is closed or reloaded, the list is empty: copy the links that you need, and wait for what is under way.'
