// Uploads one file with tus-js-client, as a program does that remembers its uploads: what it needs to resume is in the
// file options.memory, so that the process can be killed at any time. The argument is the options, in JSON.
'use strict'

const fs = require('fs')
const { PassThrough } = require('stream')
const tus = require('tus-js-client')

const options = JSON.parse(process.argv[2])

// A Memory is a UrlStorage of tus-js-client whose file is replaced at once. That of tus-js-client has a lock, which a
// killed process leaves.
class Memory {
  load() {
    return fs.existsSync(options.memory) ? JSON.parse(fs.readFileSync(options.memory)) : []
  }

  save(uploads) {
    fs.writeFileSync(options.memory + '.new', JSON.stringify(uploads))
    fs.renameSync(options.memory + '.new', options.memory)
  }

  async findAllUploads() {
    return this.load()
  }

  async findUploadsByFingerprint() {
    return this.load()
  }

  async removeUpload() {
    this.save([])
  }

  async addUpload(fingerprint, upload) {
    this.save([{ ...upload, urlStorageKey: fingerprint }])
    return fingerprint
  }
}

// A file of unknown length is a stream that is no file: what tus-js-client makes of a file in chunks has no end.
const file = fs.createReadStream(options.file)
const upload = new tus.Upload(options.deferred ? file.pipe(new PassThrough()) : file, {
  endpoint: options.endpoint,
  chunkSize: options.chunkSize || Infinity,
  parallelUploads: options.parallel || 1,
  uploadLengthDeferred: options.deferred,
  uploadDataDuringCreation: options.dataDuringCreation,
  metadata: { filename: 'a file' },
  retryDelays: Array(100).fill(50),
  urlStorage: new Memory(),
  // Servers that are killed, and proxies, answer with errors of all kinds; the end of the test is the limit.
  onShouldRetry: () => true,
  onError(error) {
    console.error(String(error))
    process.exit(1)
  },
  onSuccess() {
    console.log(upload.url)
    process.exit(0)
  },
})

upload.findPreviousUploads().then((previous) => {
  if (previous.length > 0) {
    upload.resumeFromPreviousUpload(previous[0])
  }
  upload.start()
})
