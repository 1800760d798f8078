// Uploads a file with tus-js-client, as an application would, and prints what came of it: the URL, the id of the file and how often it had to begin
// again, as JSON.
//
// usage: node upload.mjs '{"endpoint", "key", "path", "name", "parallel", "chunk"}'
import { createReadStream } from 'node:fs'
import process from 'node:process'
import * as tus from 'tus-js-client'

const { endpoint, key, path, name, parallel = 1, chunk } = JSON.parse(process.argv[2])
let fileID
let retries = 0

const upload = new tus.Upload(createReadStream(path), {
  endpoint,
  metadata: { filename: name },
  headers: { 'X-Api-Key': key },
  parallelUploads: parallel,
  chunkSize: chunk ?? Number.POSITIVE_INFINITY,
  retryDelays: [0, ...Array(300).fill(100)],
  onShouldRetry(error) {
    retries++
    const status = error.originalResponse?.getStatus() ?? 0
    return status === 0 || status >= 500 || status === 400 || status === 409 || status === 423
  },
  onAfterResponse(_request, response) {
    fileID = response.getHeader('Inlet-File-Id') ?? fileID
  },
  onError(error) {
    console.error(String(error))
    process.exit(1)
  },
  onSuccess() {
    console.log(JSON.stringify({ url: upload.url, file_id: fileID, retries }))
  },
})
upload.start()
