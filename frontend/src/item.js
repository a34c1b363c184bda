// One file on its way: what it is, where it shall go, and how far it has come.

import { Rate } from "./rate.js";

export class Item {
  /**
   * @param {File} file
   * @param {string} folder path of the folder it was dropped into: "/", "/Contracts/2026"
   * @param {string} path where it lay in a dropped folder, its name included: "a/b.txt"; else ""
   */
  constructor(file, folder, path = "") {
    this.file = file;
    this.folder = folder;
    this.path = path;
    this.name = file.name;
    this.replaces = ""; // SHA-256 of the version that this one shall replace
    this.copy = 0; // the number in "report (2).pdf"; 0 while nobody asked to keep both
    /** @type {"waiting"|"sending"|"lost"|"paused"|"done"|"failed"} */
    this.state = "waiting";
    this.problem = null; // why it failed, see problem.js
    this.same = false; // the very content was there already
    this.retryAt = 0; // when a lost connection is tried again, in ms
    this.requestId = ""; // of the newest answer
    this.fileId = "";
    this.pardoned = false; // sent again after a refusal that a new session may have cured
    this.sent = 0; // bytes
    this.gained = 0; // bytes that the newest report added
    this.movedAt = 0; // when the newest of them left, in ms
    this.rate = new Rate();
  }

  get size() {
    return this.file.size;
  }

  get title() {
    return this.path || this.name;
  }

  /** What tells one upload from another, also after a reload: never two of them have the same. */
  get id() {
    const { folder, title, replaces, file } = this;
    return JSON.stringify([folder, title, replaces, file.size, file.lastModified]);
  }

  /** Metadata of the upload, by the names that the server knows. */
  get meta() {
    const { folder, name, path, replaces, file } = this;
    const known = { filename: name, folder, filetype: file.type, relativePath: path, replace: replaces };
    return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== ""));
  }

  /** Store it under another name beside the one that is there. */
  rename(name) {
    this.path = this.path && this.path.replace(/[^/]*$/, () => name);
    this.name = name;
  }

  /** The bytes sent so far, as the connection tells it. */
  moved(sent, now) {
    this.gained = this.rate.measures ? Math.max(0, sent - this.sent) : 0;
    this.rate.moved(sent - this.sent, now);
    this.sent = sent;
    this.movedAt = now;
  }
}

/** The parts of an id: what is known of an upload whose file is no longer at hand. */
export function partsOf(id) {
  const [folder, title, replaces, size, lastModified] = JSON.parse(id);
  return { folder, title, replaces, size, lastModified };
}

/** "report.pdf", 2 → "report (2).pdf" */
export function numbered(name, number) {
  const dot = name.lastIndexOf(".");
  const end = dot > 0 ? dot : name.length;
  return `${name.slice(0, end)} (${number})${name.slice(end)}`;
}
