// tus-js-client as a page has it, told by one JSON argument what to do; one JSON line for each thing
// that happens.
import { createReadStream, statSync } from "node:fs";
import { createRequire } from "node:module";
import { PassThrough } from "node:stream";

const told = JSON.parse(process.argv[2]);
const tus = createRequire(told.modules)("tus-js-client");
const say = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));

let aborting = false;
const file = createReadStream(told.path);
// Of a file it would know the length after all, and announce more for the last piece than it has.
const upload = new tus.Upload(told.deferred ? file.pipe(new PassThrough()) : file, {
  endpoint: told.endpoint,
  metadata: { filename: told.filename, filetype: "application/octet-stream" },
  chunkSize: told.chunkSize,
  uploadSize: told.deferred ? null : statSync(told.path).size,
  uploadLengthDeferred: Boolean(told.deferred),
  uploadDataDuringCreation: Boolean(told.during),
  headers: told.headers ?? {},
  retryDelays: told.retries ?? null,
  ...(told.storage ? { urlStorage: new tus.FileUrlStorage(told.storage) } : {}),
  fingerprint: async () => told.filename,
  onChunkComplete(_size, accepted) {
    say("chunk", { accepted });
    if (told.abortAfter && accepted >= told.abortAfter && !aborting) {
      aborting = true;
      upload.abort(Boolean(told.terminate)).then(() => say("aborted", { url: upload.url }));
    }
  },
  onError(error) {
    say("error", { status: error.originalResponse?.getStatus() ?? null, text: String(error) });
    process.exitCode = 1;
  },
  onSuccess() {
    say("done", { url: upload.url });
  },
});

if (told.resume) {
  const [previous] = await upload.findPreviousUploads();
  upload.resumeFromPreviousUpload(previous);
}
upload.start();
