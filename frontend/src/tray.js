// The tray: one line for each upload, with progress, and what became of it.

import htmx from "htmx.org";
import { Upload } from "./upload.js";
import { duration, size } from "./units.js";

const AT_ONCE = 3; // uploads side by side; more would only share the same line

export class Tray {
  /**
   * @param {HTMLElement} element
   * @param {{upload: string, list: string, logs?: string}} addresses
   */
  constructor(element, addresses) {
    this.element = element;
    this.addresses = addresses;
    this.lines = element.querySelector("ul");
    this.waiting = [];
    this.running = 0;
    this.failed = 0;
    this.done = 0;
    this.stale = false; // the list does not yet show everything that was stored
    element.querySelector("h2 button").addEventListener("click", () => this.close());
  }

  get busy() {
    return this.running + this.waiting.length > 0;
  }

  /** @param {File[]} files */
  add(files) {
    for (const file of files) {
      const line = this.line(file.name);
      this.waiting.push({ file, line });
      line.state("waiting");
    }
    this.next();
  }

  /** A folder was dropped: say so, instead of uploading a broken file. */
  refuse(name) {
    this.line(name).fail("folders cannot be uploaded yet; drop the files in it");
    this.failed += 1;
    this.head();
  }

  next() {
    this.head();
    while (this.running < AT_ONCE && this.waiting.length > 0) this.start(this.waiting.shift());
  }

  async start({ file, line }) {
    this.running += 1;
    const upload = new Upload(this.addresses.upload, file);
    line.cancel(() => upload.cancel());
    const result = await upload.run((sent, total, rate) => line.progress(sent, total, rate));
    this.running -= 1;
    line.cancel(null);
    const records = result.requestId && this.records(result.requestId);
    if (result.stored) {
      this.done += 1;
      line.finish(size(file.size), records);
    } else {
      this.failed += 1;
      line.fail(result.message, records);
    }
    this.next();
    this.stale ||= result.stored;
    if (this.stale && !this.busy) {
      this.stale = false;
      await this.refresh();
    }
  }

  records(requestId) {
    const { logs } = this.addresses; // of those who may read them
    return logs && `${logs}?${new URLSearchParams({ query: `request_id:${requestId}` })}`;
  }

  refresh() {
    return htmx.ajax("GET", this.addresses.list, { target: "#list", swap: "outerHTML" });
  }

  head() {
    const left = this.running + this.waiting.length;
    const parts = [
      left && `Uploading ${left}`,
      this.done && `${this.done} stored`,
      this.failed && `${this.failed} not stored`,
    ];
    this.element.querySelector("h2 span").textContent = parts.filter(Boolean).join(", ");
    this.element.querySelector("h2 button").hidden = left > 0;
    this.element.hidden = left + this.done + this.failed === 0;
  }

  close() {
    this.lines.replaceChildren();
    this.done = this.failed = 0;
    this.head();
  }

  line(name) {
    const line = new Line(name);
    this.lines.append(line.element);
    line.element.scrollIntoView({ block: "nearest" });
    return line;
  }
}

/** One upload in the tray. */
class Line {
  constructor(name) {
    this.element = document.createElement("li");
    this.element.innerHTML = `<span class="head"><bdi></bdi><button type="button" hidden>Cancel</button></span>
      <progress max="1" value="0"></progress><span class="state"><span></span><span></span></span>`;
    this.element.querySelector("bdi").textContent = name;
    this.bar = this.element.querySelector("progress");
    this.bar.setAttribute("aria-label", name);
    [this.left, this.right] = this.element.querySelectorAll(".state span");
    this.button = this.element.querySelector("button");
    this.button.setAttribute("aria-label", `Cancel ${name}`);
  }

  state(left, right = "") {
    this.left.textContent = left;
    this.right.textContent = right;
  }

  cancel(action) {
    this.button.hidden = action === null;
    this.button.onclick = action;
  }

  progress(sent, total, rate) {
    this.bar.max = total || 1;
    this.bar.value = total ? sent : 1;
    if (sent < total) {
      this.state(
        `${size(sent)} of ${size(total)} · ${size(rate)}/s`,
        rate > 0 ? `${duration((total - sent) / rate)} left` : "",
      );
    } else {
      this.state("sent, being written to disk");
    }
  }

  finish(text, records) {
    this.element.className = "done";
    this.bar.value = this.bar.max;
    this.state("stored and recorded", `✓ ${text}`);
    this.link("receipt", records);
  }

  fail(text, records) {
    this.element.className = "failed";
    this.state(text);
    this.link("receipt", records);
  }

  link(text, address) {
    if (!address) return;
    const link = document.createElement("a");
    link.href = address;
    link.textContent = text;
    this.left.append(" · ", link);
  }
}
