// One line of the tray: a file under way, or what became of it.

import { duration, portion, size } from "./units.js";

export class Line {
  /** @param {string} name @param {string} hint where it goes */
  constructor(name, hint) {
    const template = document.querySelector("#upload-line");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.name = name;
    const shown = this.element.querySelector("bdi");
    shown.textContent = name;
    shown.title = hint;
    this.bar = this.element.querySelector("progress");
    this.bar.setAttribute("aria-label", name);
    this.buttons = this.element.querySelector(".buttons");
    [this.left, this.right] = this.element.querySelectorAll(".state span");
    this.offered = "";
  }

  state(left, right = "") {
    if (this.left.textContent !== left) this.left.textContent = left;
    if (this.right.textContent !== right) this.right.textContent = right;
  }

  progress(value, max) {
    this.bar.max = max || 1;
    this.bar.value = max ? value : 1;
  }

  /** Show these buttons; those that are there already stay, and with them the focus. */
  offer(actions) {
    const words = Object.keys(actions);
    if (words.join() === this.offered) return;
    this.offered = words.join();
    this.buttons.replaceChildren(...words.map((word) => this.button(word, actions[word])));
  }

  button(word, action) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = word;
    button.setAttribute("aria-label", `${word} ${this.name}`);
    button.addEventListener("click", action);
    return button;
  }

  link(text, address) {
    if (!address) return;
    const link = document.createElement("a");
    link.href = address;
    link.textContent = text;
    this.left.append(" · ", link);
  }
}

/** The line of an item of the queue. */
export class ItemLine extends Line {
  /**
   * @param {import("./item.js").Item} item
   * @param {import("./uploads.js").Uploads} uploads
   * @param {(item) => string} records where its records are shown, if to this person
   */
  constructor(item, uploads, records) {
    super(item.title, `${item.title} → ${item.folder}`);
    this.item = item;
    this.uploads = uploads;
    this.records = records;
  }

  update() {
    const { item, uploads } = this;
    if (this.ended) return;
    this.progress(item.sent, item.size);
    this[item.state]?.(item, uploads);
  }

  sending(item, uploads) {
    const { perSecond } = item.rate;
    if (item.sent < item.size || item.size === 0) {
      const rate = perSecond > 0 ? ` · ${size(perSecond)}/s` : "";
      const left = perSecond > 0 ? `${duration((item.size - item.sent) / perSecond)} left` : "";
      this.state(portion(item.sent, item.size) + rate, left);
    } else {
      this.state("sent, being written to disk");
    }
    this.offer({ Pause: () => uploads.pause(item), Cancel: () => uploads.cancel(item) });
  }

  lost(item, uploads) {
    const seconds = Math.max(0, item.retryAt - Date.now()) / 1000;
    const next = navigator.onLine ? `retry in ${duration(seconds)}` : "waiting for the network";
    this.state(`connection lost, resuming at ${size(item.sent)}`, next);
    this.offer({ "Retry now": () => uploads.hurry(), Cancel: () => uploads.cancel(item) });
  }

  paused(item, uploads) {
    this.state(`paused at ${portion(item.sent, item.size)}`);
    this.offer({ Resume: () => uploads.resume(item), Cancel: () => uploads.cancel(item) });
  }

  done(item) {
    this.ended = true;
    this.element.className = "done";
    this.progress(1, 1);
    this.state(item.same ? "was there already, the same" : "stored and recorded", `✓ ${size(item.size)}`);
    this.link("receipt", this.records(item));
    this.offer({});
  }

  failed(item, uploads) {
    this.ended = true;
    this.element.className = "failed";
    this.state(item.problem.message);
    if (item.problem.reason !== "cancelled") this.link("receipt", this.records(item));
    const taken = item.problem.reason === "filename_taken";
    this.offer({
      ...(taken && item.problem.sha256 && { Replace: () => uploads.replace(item) }),
      ...(taken && { "Keep both": () => uploads.keepBoth(item) }),
      ...(!taken && { Retry: () => uploads.retry(item) }),
      Dismiss: () => uploads.dismiss(item),
    });
  }
}
