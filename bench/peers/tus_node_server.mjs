// @tus/server over @tus/s3-store, as their READMEs show it: node tus_node_server.mjs PORT ENDPOINT BUCKET
import { S3Store } from '@tus/s3-store'
import { Server } from '@tus/server'

const [port, endpoint, bucket] = process.argv.slice(2)
const datastore = new S3Store({
  partSize: 8 * 1024 * 1024,
  s3ClientConfig: { bucket, endpoint, region: 'us-east-1', forcePathStyle: true },
})
new Server({ path: '/files', datastore }).listen({ host: '127.0.0.1', port: Number(port) })
