// The part of the tray that tells of uploads which an earlier visit to the page did not finish.

import { Line } from "./line.js";
import { portion, size } from "./units.js";

export class Resumption {
  /**
   * @param {import("./tray.js").Tray} tray
   * @param {import("./uploads.js").Uploads} uploads
   */
  constructor(tray, uploads) {
    this.tray = tray;
    this.uploads = uploads;
    this.block = tray.part("unfinished");
    this.lines = new Map(); // by id
    this.input = Object.assign(document.createElement("input"), { type: "file" });
    this.input.addEventListener("change", () => this.chosen());
  }

  async look() {
    for (const upload of await this.uploads.unfinished.find()) this.show(upload);
    this.settle();
  }

  show(upload) {
    if (this.uploads.known.has(upload.id)) return;
    const line = new Line(upload.title, `${upload.title} → ${upload.folder}`);
    line.progress(upload.arrived, upload.size);
    line.state(`${portion(upload.arrived, upload.size)} arrived, for ${upload.folder}`);
    line.offer({
      "Choose file": () => this.choose(upload),
      Discard: () => this.discard(upload),
    });
    this.lines.set(upload.id, line);
    this.block.querySelector("ul").append(line.element);
  }

  choose(upload) {
    this.asked = upload;
    this.input.value = "";
    this.input.click();
  }

  chosen() {
    const [file] = this.input.files;
    const { title, folder, size: wanted, lastModified, replaces, id } = this.asked;
    if (file.size !== wanted || file.lastModified !== lastModified) {
      const day = new Date(lastModified).toLocaleDateString();
      this.lines.get(id).state(`That is another file: this one has ${size(wanted)}, last changed ${day}.`);
      return;
    }
    const path = title.includes("/") ? title : "";
    const name = title.replace(/^.*\//, "");
    this.uploads.add([{ file, path, name, replaces }], folder);
    this.settle();
  }

  async discard(upload) {
    this.drop(upload.id);
    this.settle();
    await this.uploads.unfinished.discard(upload.id);
  }

  drop(id) {
    this.tray.remove(this.lines.get(id).element);
    this.lines.delete(id);
  }

  /** Take away what has been resumed meanwhile. */
  settle() {
    for (const id of [...this.lines.keys()]) if (this.uploads.known.has(id)) this.drop(id);
    this.block.hidden = this.lines.size === 0;
    this.tray.render();
  }
}
