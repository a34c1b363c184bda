// The queue of uploads: what waits, what is sent now, what failed and what can be done about it.

import { isThere } from "./content.js";
import { Item, numbered } from "./item.js";
import { own } from "./problem.js";
import { Rate } from "./rate.js";
import { Transport } from "./transport.js";
import { UnfinishedUploads, tellOtherTabs } from "./unfinished.js";

const AT_ONCE = 4; // side by side; browsers open six connections, and the page needs some too

const UNREADABLE = "It cannot be read any more: it was changed, moved or deleted meanwhile.";

export class Uploads {
  /**
   * @param {string} endpoint absolute address of the tus server
   * @param {import("./session.js").Session} session
   */
  constructor(endpoint, session) {
    this.session = session;
    this.unfinished = new UnfinishedUploads(endpoint, session);
    this.transport = new Transport(endpoint, session, {
      moved: (item) => this.moved(item),
      lost: (item) => this.lost(item),
      done: (item) => this.done(item),
      failed: (item, problem) => this.refused(item, problem),
    });
    this.known = new Map(); // all below, by id
    this.waiting = [];
    this.active = new Set(); // being sent, lost or paused
    this.failed = new Set();
    /** @type {""|"paused"|"signed out"|"full"} why nothing new is sent */
    this.held = "";
    this.rate = new Rate();
    this.reset();
    this.begin();
    /** Called with an item that changed; with nothing when more than one may have. */
    this.changed = () => {};
    /** Called when nothing is under way any more, and something was stored. */
    this.stored = () => {};
    this.fresh = false; // something was stored since
    tellOtherTabs(() => [...this.active].map((item) => item.id));
    window.addEventListener("focus", () => this.held === "signed out" && this.signedIn());
  }

  /** Forget what was stored. */
  reset() {
    this.count = { stored: 0, same: 0 };
  }

  /** Files and bytes that were asked for since nothing was under way; `through` are those that ended. */
  begin() {
    this.asked = { files: 0, bytes: 0 };
    this.through = { files: 0, bytes: 0 };
    this.rate.restart();
  }

  get busy() {
    return this.active.size + this.waiting.length > 0;
  }

  /** Bytes sent of all that were asked for. */
  get sent() {
    let sent = this.through.bytes;
    for (const item of this.active) sent += item.sent;
    return sent;
  }

  /**
   * @param {{file: File, path: string, name?: string, replaces?: string}[]} chosen
   * @param {string} folder where to
   */
  add(chosen, folder) {
    if (!this.busy) this.begin();
    for (const { file, path, name, replaces } of chosen) {
      const item = new Item(file, folder, path);
      if (name) item.rename(name);
      if (replaces) item.replaces = replaces;
      const earlier = this.known.get(item.id);
      if (earlier?.state === "failed") this.forget(earlier);
      else if (earlier) continue; // it is on its way
      tally(this.asked, item, 1);
      this.enqueue(item);
    }
    this.next();
  }

  // What people ask for

  pauseAll() {
    this.hold("paused");
    for (const item of this.active) this.pause(item);
  }

  resumeAll() {
    this.held = "";
    for (const item of this.active) if (item.state === "paused") this.resume(item);
    this.next();
  }

  pause(item) {
    item.state = "paused";
    this.transport.pause(item);
    this.next();
  }

  resume(item) {
    item.state = "sending";
    this.transport.resume(item);
    this.changed(item);
  }

  /** Try a lost connection at once. */
  hurry() {
    this.transport.hurry();
  }

  /** Send no more of it; what has arrived is thrown away. */
  cancel(item) {
    this.transport.stop(item);
    this.unfinished.discard(item.id);
    this.fail(item, own("cancelled", "Cancelled. Nothing was kept."));
  }

  cancelAll() {
    for (const item of this.waiting.splice(0)) this.forget(item);
    for (const item of [...this.active]) {
      this.transport.stop(item);
      this.forget(item);
      this.unfinished.discard(item.id);
    }
    this.held = "";
    this.next();
  }

  retry(item) {
    // The version it should have replaced is no longer the current one: ask anew.
    const changed = item.problem.reason === "version_not_current";
    this.again(item, changed ? () => (item.replaces = "") : null);
  }

  /** Make it a new version of the file that has its name. */
  replace(item) {
    const { sha256 } = item.problem;
    this.again(item, () => (item.replaces = sha256));
  }

  /** Store it under the next name that is free. */
  keepBoth(item) {
    this.again(item, () => {
      item.copy = Math.max(2, item.copy + 1);
      item.rename(numbered(item.file.name, item.copy));
    });
  }

  /** Take a failed one out of the list; what has arrived of it is thrown away. */
  dismiss(item) {
    this.forget(item);
    this.unfinished.discard(item.id);
    this.changed();
  }

  /** Somebody signed in again, perhaps in another tab. */
  async signedIn() {
    if (!(await this.session.renew()) || this.held !== "signed out") return;
    this.held = "";
    this.next();
  }

  // What the transport tells

  moved(item) {
    if (item.state === "paused") return;
    item.state = "sending";
    item.pardoned = false;
    this.rate.moved(item.gained, Date.now());
    this.changed(item);
  }

  async lost(item) {
    item.state = "lost";
    item.rate.restart(); // what was measured says nothing of when it goes on
    this.rate.restart();
    this.changed(item);
    try {
      await item.file.slice(0, 1).arrayBuffer();
    } catch {
      // A browser tells a file that it cannot read as a connection that broke.
      this.transport.stop(item);
      this.unfinished.discard(item.id);
      this.fail(item, own("file_unreadable", UNREADABLE));
    }
  }

  done(item) {
    item.state = "done";
    if (item.same) this.count.same += 1;
    else this.count.stored += 1;
    this.fresh ||= !item.same;
    this.leave(item);
    this.next();
  }

  async refused(item, problem) {
    const signedOut = problem.status === 401 || problem.reason === "csrf_token_missing";
    const taken = problem.reason === "filename_taken";
    item.problem = problem;
    if (signedOut && !item.pardoned) {
      item.pardoned = true;
      this.active.delete(item);
      this.hold("signed out");
      this.enqueue(item, { first: true });
      await this.signedIn();
    } else if (taken && item.copy > 0) {
      this.keepBoth(item);
    } else if (taken && (await isThere(item.file, problem.sha256))) {
      item.same = true;
      this.unfinished.discard(item.id);
      this.done(item);
    } else {
      if (problem.status === 507) this.hold("full");
      this.fail(item, problem);
    }
  }

  // How they move between the lists

  next() {
    let room = AT_ONCE;
    for (const item of this.active) if (item.state !== "paused") room -= 1;
    while (!this.held && room > 0 && this.waiting.length > 0) {
      const item = this.waiting.shift();
      room -= 1;
      item.state = "sending";
      this.active.add(item);
      this.transport.send(item);
    }
    this.changed();
    if (!this.busy && this.fresh) {
      this.fresh = false;
      this.stored();
    }
  }

  hold(reason) {
    this.held = reason;
    this.rate.restart();
  }

  enqueue(item, { first = false } = {}) {
    item.state = "waiting";
    this.known.set(item.id, item);
    if (first) this.waiting.unshift(item);
    else this.waiting.push(item);
  }

  /** Once more, perhaps as something else, of which nothing has arrived yet. */
  again(item, change = null) {
    if (this.failed.delete(item)) {
      if (!this.busy) this.begin();
      tally(this.asked, item, 1);
    }
    this.active.delete(item);
    this.known.delete(item.id);
    if (change !== null) {
      this.unfinished.discard(item.id);
      change();
    }
    item.sent = 0;
    if (this.held === "full") this.held = "";
    this.enqueue(item, { first: true });
    this.next();
  }

  fail(item, problem) {
    this.leave(item);
    item.state = "failed";
    item.problem = problem;
    this.known.set(item.id, item);
    this.failed.add(item);
    this.next();
  }

  /** It is no longer under way. */
  leave(item) {
    this.known.delete(item.id);
    this.active.delete(item);
    tally(this.through, item, 1);
    this.changed(item);
  }

  /** As if nobody had ever asked for it. */
  forget(item) {
    this.known.delete(item.id);
    this.active.delete(item);
    if (!this.failed.delete(item)) tally(this.asked, item, -1);
    item.state = "cancelled";
  }
}

function tally(sum, item, sign) {
  sum.files += sign;
  sum.bytes += sign * item.size;
}
