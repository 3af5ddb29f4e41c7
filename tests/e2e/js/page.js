// Uppy with its S3 plugin, in a page. The query: `endpoint`, or `presign` for signRequest, and `restored`, what another visit began.

const query = new URLSearchParams(location.search)

export function open(Uppy, AwsS3, { endpoint }) {
  const entrance = query.has('presign') ? { signRequest } : { [endpoint]: query.get('endpoint') }
  window.uppy = new Uppy().use(AwsS3, { shouldUseMultipart: (file) => file.size > 5 * 1024 * 1024, ...entrance })
  document.querySelector('input').addEventListener('change', ({ target }) => start(target.files[0]))
}

function start(data) {
  const id = window.uppy.addFile({ name: data.name, type: data.type, data })
  if (query.has('restored')) window.uppy.setFileState(id, { s3Multipart: JSON.parse(query.get('restored')) })
  window.uppy.upload()
}

async function signRequest(request) {
  const headers = { 'Content-Type': 'application/json' }
  const answer = await fetch(query.get('presign'), { method: 'POST', headers, body: JSON.stringify(request) })
  if (!answer.ok) throw new Error(answer.statusText)
  return await answer.json()
}
