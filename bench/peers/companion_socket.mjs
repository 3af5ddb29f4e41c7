// The socket of @uppy/companion, as its README shows it: node companion_socket.mjs PORT DIRECTORY
// A POST tells all that listen to a token of progress, as Companion's uploads do.
import * as companion from '@uppy/companion'
import express from 'express'

const [port, filePath] = process.argv.slice(2)
const host = `127.0.0.1:${port}`
const { app, emitter } = companion.app({
  secret: 'bench',
  filePath,
  server: { host, protocol: 'http' },
  uploadUrls: [`http://${host}/`],
  corsOrigins: true,
})
const server = express()
let bytesUploaded = 0
server.post('/change/:token', (request, response) => {
  bytesUploaded += 1
  const payload = { progress: '0.00', bytesUploaded, bytesTotal: 1048576 }
  emitter.emit(request.params.token, { action: 'progress', payload })
  response.status(204).end()
})
server.use(app)
companion.socket(server.listen({ host: '127.0.0.1', port: Number(port) }))
