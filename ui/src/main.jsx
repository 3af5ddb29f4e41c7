import { render } from 'preact'
import { Page } from './page.jsx'
import { Uploads } from './uploads.js'

const { endpoint, maxSize, downloads, accept } = document.documentElement.dataset

const uploads = new Uploads({
  endpoint: new URL(endpoint, document.baseURI).href,
  maxSize: maxSize ? Number(maxSize) : null,
})

render(<Page uploads={uploads} downloads={downloads === 'on'} accept={accept || undefined} />, document.getElementById('page'))
uploads.restore()
