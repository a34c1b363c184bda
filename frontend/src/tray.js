// The tray: what is under way, with progress, and what became of it. It stays small: thousands of
// files are a count, and only those that somebody can do something about have lines.

import { ItemLine } from "./line.js";
import { duration, files, portion, size } from "./units.js";

const EVERY = 100; // ms; no eye wants more
const MOST_FAILED = 50; // lines
const MOST_DONE = 20;

const HELD = {
  paused: "Paused.",
  "signed out": "Your session has ended. Sign in again, and the uploads go on.",
  full: "The rest waits: the server has no room left.",
};

export class Tray {
  /**
   * @param {HTMLElement} element
   * @param {import("./uploads.js").Uploads} uploads
   * @param {string|undefined} logs address of the log viewer, for those who may read it
   */
  constructor(element, uploads, logs) {
    this.element = element;
    this.uploads = uploads;
    this.logs = logs;
    this.recent = []; // items that are stored, newest first
    this.lines = new Map();
    this.due = null;
    uploads.changed = (item) => this.changed(item);
    for (const [name, action] of Object.entries(this.actions())) {
      this.part(name).addEventListener("click", action);
    }
    setInterval(() => uploads.busy && this.changed(), 1_000); // seconds are counted down
  }

  actions() {
    const { uploads } = this;
    const conflicts = () => [...uploads.failed].filter((item) => item.problem.sha256);
    return {
      pause: () => (uploads.held === "" ? uploads.pauseAll() : this.goOn()),
      "stop-all": () => uploads.cancelAll(),
      fold: () => this.fold(),
      close: () => this.close(),
      "replace-all": () => conflicts().forEach((item) => uploads.replace(item)),
      "keep-all": () => conflicts().forEach((item) => uploads.keepBoth(item)),
      "leave-all": () => conflicts().forEach((item) => uploads.dismiss(item)),
    };
  }

  /** Some of what was dropped could not even be opened. */
  warn(count) {
    const words = count === 1 ? "One thing" : `${count} things`;
    this.part("warning").textContent = `${words} of what you dropped could not be read.`;
    this.part("warning").hidden = false;
    this.render();
  }

  part(name) {
    return this.element.querySelector(`[data-part="${name}"]`);
  }

  goOn() {
    if (this.uploads.held === "signed out") this.uploads.signedIn();
    else this.uploads.resumeAll();
  }

  fold() {
    const folded = this.element.classList.toggle("folded");
    this.part("fold").setAttribute("aria-expanded", String(!folded));
  }

  /** What has arrived of those that failed stays on the server until it expires. */
  close() {
    for (const item of [...this.uploads.failed]) this.uploads.forget(item);
    this.recent = [];
    this.uploads.reset();
    this.part("unfinished").hidden = this.part("warning").hidden = true;
    this.render();
  }

  changed(item) {
    if (item?.state === "done") {
      this.recent.unshift(item);
      this.recent.length = Math.min(this.recent.length, MOST_DONE);
    }
    this.due ??= setTimeout(() => this.render(), EVERY);
  }

  render() {
    clearTimeout(this.due);
    this.due = null;
    const { uploads } = this;
    this.show("active", [...uploads.active]);
    this.show("failed", [...uploads.failed].slice(0, MOST_FAILED));
    this.show("done", this.recent);
    this.head();
    this.whole();
    this.questions();
  }

  /** Make the lines of a list those of the items, touching only what is different. */
  show(name, items) {
    const list = this.part(name);
    const shown = this.lines.get(name) ?? new Map();
    const wanted = new Set(items);
    for (const [item, line] of shown) {
      if (wanted.has(item)) continue;
      shown.delete(item);
      this.remove(line.element);
    }
    for (const item of items) {
      if (!shown.has(item)) {
        const line = new ItemLine(item, this.uploads, (known) => this.records(known));
        shown.set(item, line);
        if (name === "done") list.prepend(line.element);
        else list.append(line.element);
      }
      shown.get(item).update();
    }
    this.lines.set(name, shown);
  }

  /** Take a line away without losing the place of whoever uses the keyboard. */
  remove(element) {
    const focused = element.contains(document.activeElement);
    const next = element.nextElementSibling ?? element.previousElementSibling;
    element.remove();
    if (focused) (next?.querySelector("button, a") ?? this.part("title")).focus();
  }

  head() {
    const { count, failed, busy, held } = this.uploads;
    const left = this.uploads.active.size + this.uploads.waiting.length;
    const more = !this.part("unfinished").hidden || !this.part("warning").hidden;
    const over = [
      !busy && count.stored && `${count.stored.toLocaleString("en")} stored`,
      !busy && count.same && `${count.same.toLocaleString("en")} ${count.same === 1 ? "was" : "were"} there already`,
      failed.size && `${failed.size.toLocaleString("en")} not stored`,
    ].filter(Boolean);
    const words = [left && `${this.doing()} ${files(left)}`, ...over].filter(Boolean).join(", ");
    this.part("title").textContent = words || "Uploads that were not finished";
    this.part("pause").hidden = this.part("stop").hidden = !busy;
    this.part("pause").textContent = held === "" ? "Pause" : "Resume";
    this.part("close").hidden = busy;
    this.say([busy && (HELD[held] ?? this.lost() ?? "Uploading."), !busy && over.join(", ")]);
    this.element.hidden = words === "" && !more;
  }

  doing() {
    const { held, active, waiting } = this.uploads;
    const still = waiting.length === 0 && [...active].every((item) => item.state === "paused");
    if (held === "paused" || still) return "Paused:";
    return held === "" ? "Uploading" : "Waiting:";
  }

  lost() {
    const lost = [...this.uploads.active].some((item) => item.state === "lost");
    return lost ? "The connection is lost; it is tried again." : null;
  }

  /** For screen readers: seldom, and only what matters. */
  say(words) {
    const text = words.filter(Boolean).join(" ");
    if (this.part("status").textContent !== text) this.part("status").textContent = text;
  }

  /** All files together. */
  whole() {
    const { asked, through, rate, busy, held, sent } = this.uploads;
    this.part("whole").hidden = !busy || asked.files < 2;
    this.part("bar").max = asked.bytes || 1;
    this.part("bar").value = asked.bytes ? sent : 1;
    const moves = rate.perSecond > 0 && held === "";
    this.part("sum").textContent = [
      `${through.files.toLocaleString("en")} of ${files(asked.files)}`,
      portion(sent, asked.bytes),
      moves && `${size(rate.perSecond)}/s`,
    ]
      .filter(Boolean)
      .join(" · ");
    const seconds = (asked.bytes - sent) / rate.perSecond;
    this.part("left").textContent = moves ? `${duration(seconds)} left` : "";
  }

  /** What has to be decided for all of them. */
  questions() {
    const { failed, held, busy } = this.uploads;
    const taken = [...failed].filter((item) => item.problem.sha256).length;
    this.part("taken").hidden = taken < 2;
    this.part("taken-words").textContent = `${taken.toLocaleString("en")} names are taken.`;
    this.part("held").hidden = !busy || held === "";
    this.part("held-words").textContent = HELD[held] ?? "";
    this.part("sign-in").hidden = held !== "signed out";
    const more = failed.size - MOST_FAILED;
    this.part("more").hidden = more <= 0;
    this.part("more").textContent = `and ${files(Math.max(0, more))} more that were not stored`;
  }

  records(item) {
    const query = item.fileId ? `file_id:${item.fileId}` : `request_id:${item.requestId}`;
    return this.logs && item.requestId && `${this.logs}?${new URLSearchParams({ query })}`;
  }
}
