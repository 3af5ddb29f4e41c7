// tus-js-client as it is; `upload` resolves when all is sent, with the requests that it took.

import * as tus from 'tus-js-client'

window.tus = tus

window.upload = (size, options, { stream = false, stopAt = Infinity } = {}) =>
  new Promise((resolve, reject) => {
    const requests = []
    const blob = new Blob([pattern(size)])
    const upload = new tus.Upload(stream ? blob.stream().getReader() : blob, {
      retryDelays: [0, 250, 500, 1000, 1000, 1000, 1000],
      ...options,
      onAfterResponse: (request, response) => {
        requests.push([request.getMethod(), response.getStatus()])
      },
      onProgress: async (sent) => {
        if (sent < stopAt) return
        stopAt = Infinity
        await upload.abort(true)
        resolve({ url: upload.url, requests })
      },
      onSuccess: () => resolve({ url: upload.url, requests }),
      onError: reject,
    })
    upload.start()
  })

// Byte n is n * 31 + n / 251, rounded down: no two parts are alike.
function pattern(size) {
  const bytes = new Uint8Array(size)
  for (let n = 0; n < size; n++) bytes[n] = n * 31 + Math.floor(n / 251)
  return bytes
}
