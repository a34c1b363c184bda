// The way to the server: Uppy and its tus plug-in, which resume where an upload stopped, and the
// rules for trying again.
//
// Uppy copies the list of its files at every change, so it is only given those that are being sent;
// the queue in uploads.js keeps the thousands.

import { Uppy } from "@uppy/core";
import Tus from "@uppy/tus";
import { HeadRefused, passes, problemOf } from "./problem.js";

const SMALL = 1024 * 1024; // bytes; up to here a file is sent along with its creation, in one request

/** ms before each try; half an hour without one byte in all. With the first byte it begins anew. */
const RETRY_DELAYS = [1, 2, 3, 5, 8, 13, 21, ...Array(60).fill(30)].map((seconds) => seconds * 1000);

const STALL = 30_000; // ms without a byte, after which a connection is taken for dead
const SILENCE = 300_000; // ms until the answer; a large file is hashed and written meanwhile

const silent = { debug() {}, warn() {}, error() {} }; // the tray tells what there is to tell

/**
 * What the queue is told; `lost` comes before each new try.
 * @typedef {{
 *   moved: (item: Item) => void, lost: (item: Item) => void,
 *   done: (item: Item) => void, failed: (item: Item, problem: Problem) => void,
 * }} Told
 * @typedef {import("./item.js").Item} Item
 * @typedef {import("./problem.js").Problem} Problem
 */

export class Transport {
  /**
   * @param {string} endpoint absolute address of the tus server
   * @param {import("./session.js").Session} session
   * @param {Told} told
   */
  constructor(endpoint, session, told) {
    this.told = told;
    this.items = new Map();
    this.uppy = new Uppy({ logger: silent, onBeforeFileAdded: (file) => this.adopt(file) });
    this.uppy.use(Tus, {
      endpoint,
      retryDelays: RETRY_DELAYS,
      removeFingerprintOnSuccess: true,
      headers: { Accept: "application/problem+json, application/json" },
      onBeforeRequest: (request) => session.sign(request),
    });
    this.uppy.on("upload-progress", (file, progress) => this.progress(file, progress));
    this.uppy.on("upload-success", (file) => this.finish(file, told.done));
    this.uppy.on("upload-error", (file, error) => {
      this.finish(file, (item) => told.failed(item, problemOf(error)));
    });
    window.addEventListener("online", () => this.hurry());
    setInterval(() => this.watch(), 5_000);
  }

  /** Begin to send, or go on where an earlier try stopped. @param {Item} item */
  send(item) {
    this.adding = item;
    this.items.set(item.id, item);
    this.begin(item);
    this.uppy.addFile({ name: item.name, type: item.file.type, data: item.file, meta: item.meta });
    this.uppy.upload();
  }

  pause(item) {
    if (!this.uppy.getFile(item.id)?.isPaused) this.uppy.pauseResume(item.id);
  }

  resume(item) {
    this.begin(item);
    if (this.uppy.getFile(item.id)?.isPaused) this.uppy.pauseResume(item.id);
  }

  /** Stop it. What has arrived stays on the server; see unfinished.js. */
  stop(item) {
    this.items.delete(item.id);
    // Else the plug-in would send a DELETE, of which nobody would hear whether it failed.
    const upload = this.uppy.getPlugin("Tus").uploaders[item.id];
    if (upload) upload.url = null;
    this.uppy.removeFile(item.id);
  }

  /** Try at once what waits for its next try. */
  hurry() {
    for (const item of this.items.values()) if (item.state === "lost") this.restart(item);
  }

  /** A new connection for it; the server tells where to go on. */
  restart(item) {
    this.pause(item);
    this.resume(item);
  }

  begin(item) {
    item.rate.restart();
    item.movedAt = Date.now();
  }

  /** Uppy would take "a.txt" and "A.txt", or one file for two folders, for the same upload. */
  adopt(file) {
    const item = this.adding;
    const tus = {
      allowedMetaFields: Object.keys(item.meta),
      uploadDataDuringCreation: item.size <= SMALL,
      onAfterResponse: (request, response) => answered(item, request, response),
      onShouldRetry: (error, attempt, _, byDefault) => this.again(item, error, attempt, byDefault),
    };
    return { ...file, id: item.id, tus };
  }

  progress(file, { bytesUploaded }) {
    const item = this.items.get(file?.id);
    if (item === undefined) return;
    item.moved(bytesUploaded, Date.now());
    this.told.moved(item);
  }

  /** Whether an upload that was broken off is tried again; if so, the item says when. */
  again(item, error, attempt, byDefault) {
    if (!this.items.has(item.id) || !passes(problemOf(error))) return false;
    item.retryAt = Date.now() + RETRY_DELAYS[attempt];
    item.rate.restart();
    this.told.lost(item);
    return byDefault(null); // which holds the retry back while the browser knows of no network
  }

  finish(file, tell) {
    const item = this.items.get(file.id);
    if (item === undefined) return;
    this.items.delete(file.id);
    // Later, since Uppy takes a file that is removed while it finishes for one that is cancelled.
    setTimeout(() => {
      this.uppy.removeFile(file.id);
      tell(item);
    });
  }

  /** A connection can die without a word, as when a laptop changes its network. */
  watch() {
    const now = Date.now();
    for (const item of this.items.values()) {
      const patience = item.sent < item.size ? STALL : SILENCE;
      if (item.state === "sending" && now - item.movedAt > patience) this.restart(item);
    }
  }
}

/** Take what an answer tells; a refused HEAD is an error, not a reason to begin anew. */
function answered(item, request, response) {
  item.requestId = response.getHeader("X-Request-ID") ?? "";
  item.fileId = response.getHeader("X-File-ID") ?? item.fileId;
  const status = response.getStatus();
  const gone = status === 404 || status === 410;
  if (request.getMethod() === "HEAD" && status >= 400 && !gone) throw new HeadRefused(status);
}
