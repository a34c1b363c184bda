// One upload. XMLHttpRequest, because fetch tells nothing of the progress of a body.

const SMOOTH = 0.3; // weight of the newest measurement in the rate

export class Upload {
  /**
   * @param {string} address
   * @param {File} file
   */
  constructor(address, file) {
    this.address = address;
    this.file = file;
    this.request = new XMLHttpRequest();
    this.cancelled = false;
  }

  cancel() {
    this.cancelled = true;
    this.request.abort();
  }

  /**
   * Send the file; always resolves.
   * @param {(sent: number, total: number, rate: number) => void} progress bytes, bytes, bytes a second
   * @returns {Promise<{stored: boolean, message?: string, requestId?: string}>}
   */
  run(progress) {
    const { request, file } = this;
    const body = new FormData();
    body.append("file", file, file.name);
    let last = { time: performance.now(), sent: 0, rate: 0 };
    request.upload.addEventListener("progress", (event) => {
      // The form adds a little to the file; people know the file's size.
      const sent = Math.min(file.size, Math.round((event.loaded / event.total) * file.size));
      const now = performance.now();
      if (now - last.time > 200) {
        const rate = ((sent - last.sent) / (now - last.time)) * 1000;
        last = { time: now, sent, rate: last.rate ? last.rate + SMOOTH * (rate - last.rate) : rate };
      }
      progress(sent, file.size, last.rate);
    });
    return new Promise((resolve) => {
      request.addEventListener("loadend", () => resolve(this.result()));
      request.open("POST", this.address);
      request.setRequestHeader("Accept", "application/json");
      request.send(body);
    });
  }

  result() {
    const { request } = this;
    if (request.status === 0) {
      const message = this.cancelled
        ? "Cancelled. Nothing was kept."
        : "The connection to the server was lost, or the file cannot be read. Try again.";
      return { stored: false, message };
    }
    const requestId = request.getResponseHeader("X-Request-ID") ?? undefined;
    if (request.status === 201) return { stored: true, requestId };
    return { stored: false, message: explain(request), requestId };
  }
}

/** The server's own words, where it gave any. */
function explain(request) {
  try {
    const problem = JSON.parse(request.responseText);
    if (problem.detail) return problem.detail;
  } catch {
    // not a problem document: a proxy answered, or nobody
  }
  return `the server answered ${request.status}; try again`;
}
