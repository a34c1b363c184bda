// Uploads that an earlier visit to the page did not finish. The plug-in noted where each of them is;
// the file itself has to be chosen again, since no browser keeps it.

import { partsOf } from "./item.js";

const PREFIX = "tus::tus-"; // as tus-js-client and Uppy name what they keep in localStorage

/**
 * @typedef {{id: string, key: string, address: string, arrived: number,
 *   folder: string, title: string, replaces: string, size: number, lastModified: number}} Unfinished
 */

export class UnfinishedUploads {
  /**
   * @param {string} endpoint absolute address of the tus server
   * @param {import("./session.js").Session} session
   */
  constructor(endpoint, session) {
    this.endpoint = endpoint;
    this.session = session;
  }

  /** Those that the server still has, and of which no other tab is just sending the rest. */
  async find() {
    const elsewhere = await sentElsewhere();
    const kept = this.kept().filter(({ id }) => !elsewhere.has(id));
    const answers = await Promise.all(kept.map((upload) => this.ask(upload)));
    return answers.filter(Boolean);
  }

  /** Throw away what has arrived of an upload. */
  async discard(id) {
    for (const { key, address } of this.kept().filter((upload) => upload.id === id)) {
      localStorage.removeItem(key);
      await this.fetch(address, "DELETE").catch(() => {}); // it expires, then
    }
  }

  /** What the browser remembers. */
  kept() {
    const suffix = `-${this.endpoint}::`;
    return Object.keys(localStorage).flatMap((key) => {
      const end = key.lastIndexOf(suffix);
      if (!key.startsWith(PREFIX) || end < 0) return [];
      try {
        const id = key.slice(PREFIX.length, end);
        const address = JSON.parse(localStorage.getItem(key)).uploadUrl;
        return [{ id, key, address, ...partsOf(id) }];
      } catch {
        return []; // not from this version of the page
      }
    });
  }

  async ask(upload) {
    try {
      const answer = await this.fetch(upload.address, "HEAD");
      if (answer.status === 404 || answer.status === 410) localStorage.removeItem(upload.key);
      if (!answer.ok) return null;
      return { ...upload, arrived: Number(answer.headers.get("Upload-Offset")) };
    } catch {
      return null; // the server cannot be reached; next time, perhaps
    }
  }

  fetch(address, method) {
    const headers = { "Tus-Resumable": "1.0.0", Accept: "application/json", ...this.session.headers };
    return fetch(address, { method, headers });
  }
}

const CHANNEL = "strongroom-uploads";
const WAIT = 200; // ms; tabs of one browser answer much sooner

/** Answer other tabs that ask what is being sent here. @param {() => string[]} ids */
export function tellOtherTabs(ids) {
  const channel = new BroadcastChannel(CHANNEL);
  channel.addEventListener("message", ({ data }) => {
    if (data.asks) channel.postMessage({ sends: ids() });
  });
}

async function sentElsewhere() {
  const found = new Set();
  const channel = new BroadcastChannel(CHANNEL);
  channel.addEventListener("message", ({ data }) => data.sends?.forEach((id) => found.add(id)));
  channel.postMessage({ asks: true });
  await new Promise((resolve) => setTimeout(resolve, WAIT));
  channel.close();
  return found;
}
