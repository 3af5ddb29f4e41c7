import { render } from 'preact'
import { Page } from './page.jsx'
import { Uploads } from './uploads.js'
import { Watch } from './watch.js'

const { maxSize, accept, ...told } = document.documentElement.dataset
const endpoint = new URL(told.endpoint, document.baseURI).href
const downloads = told.downloads === 'on'

const uploads = new Uploads({ endpoint, maxSize: maxSize ? Number(maxSize) : null })
const watch = new Watch({ endpoint, downloads, uploads })

render(<Page uploads={uploads} watch={watch} downloads={downloads} accept={accept || undefined} />, document.getElementById('page'))
uploads.restore().then(() => told.live === 'on' && watch.start())
