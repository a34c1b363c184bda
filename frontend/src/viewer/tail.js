// The live tail: asks for what is new at most once a second, and adds it in one piece.
//
// It waits while somebody reads further down, keeps no more rows than a browser can bear, and goes on
// where it was when the server comes back.

import { showTimes } from "./zone.js";

const EVERY = 1000; // milliseconds between two questions
const SLOWEST = 15000; // between two attempts while the server is away
const KEPT = 500; // rows of the table
const TOLD = 5000; // milliseconds between two sentences for screen readers

class Tail {
  #places = null; // where in the log it is; null while it is off
  #timer = 0;
  #wait = EVERY;
  #waiting = []; // rows that came while somebody reads further down, newest first
  #skipped = 0;
  #count = 0; // since the last sentence for screen readers
  #toldAt = 0;
  #controller = null;

  get #button() {
    return document.querySelector("[data-live]");
  }

  toggle() {
    if (this.#button === null) return;
    if (this.#places === null) this.#begin();
    else this.stop("");
    const address = new URL(location.href);
    if (this.#places === null) address.searchParams.delete("live");
    else address.searchParams.set("live", "1");
    history.replaceState(history.state, "", address);
    document.querySelector("#search").elements.live.value = address.searchParams.get("live") ?? "";
  }

  /** After each search: on with the new one, where this was on or the address says so. */
  adopt() {
    const wanted = this.#button?.getAttribute("aria-pressed") === "true";
    this.stop("");
    if (wanted) this.#begin();
  }

  stop(words) {
    clearTimeout(this.#timer);
    this.#controller?.abort();
    this.#places = null;
    this.#waiting = [];
    this.#skipped = 0;
    this.#show(words);
  }

  #begin() {
    this.#places = this.#button.dataset.places;
    this.#wait = EVERY;
    this.#show("");
    this.#ask();
  }

  #later() {
    clearTimeout(this.#timer);
    if (this.#places !== null && !document.hidden) this.#timer = setTimeout(() => this.#ask(), this.#wait);
  }

  async #ask() {
    const address = new URL(this.#button.dataset.live, location.href);
    address.searchParams.set("after", this.#places);
    clearTimeout(this.#timer);
    this.#controller?.abort();
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    try {
      const answer = await fetch(address, { signal, headers: { "HX-Request": "true" }, redirect: "error" });
      if (answer.ok) this.#take(answer, await answer.text());
      else if (answer.status < 500) return this.stop(refusal(answer.status));
      else this.#slower("The server is busy; trying again …");
    } catch {
      if (signal.aborted) return;
      this.#slower("The server cannot be reached; trying again …");
    }
    this.#later();
  }

  #slower(words) {
    this.#wait = Math.min(this.#wait * 2, SLOWEST);
    this.#show(words);
  }

  #take(answer, text) {
    this.#places = answer.headers.get("X-Tail-Places");
    // Stopped and begun again, it goes on from here; so does the page after a reload of a part.
    this.#button.dataset.places = this.#places;
    this.#wait = EVERY;
    this.#skipped += Number(answer.headers.get("X-Tail-Skipped"));
    const template = document.createElement("template");
    template.innerHTML = `<table><tbody>${text}</tbody></table>`;
    const known = new Set([...document.querySelectorAll("#records tr[data-id]")].map((row) => row.dataset.id));
    const rows = [...template.content.querySelectorAll("tr")].filter((row) => !known.has(row.dataset.id));
    this.#count += rows.length;
    this.#waiting = [...rows, ...this.#waiting];
    if (this.#waiting.length > KEPT) {
      this.#skipped += this.#waiting.length - KEPT;
      this.#waiting.length = KEPT;
    }
    if (!reading()) this.flush();
    this.#show("");
    this.#tell();
  }

  /** Put what waits at the top of the table. */
  flush() {
    const body = document.querySelector("#records tbody");
    if (body === null || this.#waiting.length === 0) return;
    const fragment = document.createDocumentFragment();
    fragment.append(...this.#waiting);
    for (const row of fragment.children) row.classList.add("new");
    showTimes(fragment);
    this.#waiting = [];
    document.querySelector("#records .empty")?.remove();
    body.prepend(fragment);
    shorten(body);
  }

  #show(words) {
    const button = this.#button;
    if (button === null) return;
    button.setAttribute("aria-pressed", String(this.#places !== null));
    button.title = words;
    const bar = document.querySelector("#records .news");
    const news = bar.querySelector("[data-news]");
    news.hidden = this.#waiting.length === 0;
    news.textContent = `${this.#waiting.length.toLocaleString("en")} new`;
    const skipped = this.#skipped > 0 ? `${this.#skipped.toLocaleString("en")} were skipped: more than can be shown` : "";
    bar.querySelector("[data-skipped]").textContent = [words, skipped].filter(Boolean).join(" · ");
    bar.hidden = news.hidden && !words && !skipped;
  }

  /** Now and then a sentence, not each second. */
  #tell() {
    if (this.#count === 0 || Date.now() - this.#toldAt < TOLD) return;
    document.querySelector("#told").textContent = `${this.#count.toLocaleString("en")} new records`;
    this.#toldAt = Date.now();
    this.#count = 0;
  }

  resume() {
    if (this.#places !== null && !document.hidden) this.#ask();
  }
}

function refusal(status) {
  if (status === 401 || status === 403) return "You are no longer signed in; sign in to go on.";
  return "This cannot be followed; reload the page.";
}

/** Whether somebody has scrolled down, or stands on a record: nothing may move under them. */
function reading() {
  const records = document.querySelector("#records");
  const below = records.getBoundingClientRect().top < 0;
  return below || records.querySelector("tbody")?.contains(document.activeElement);
}

/** Drop the oldest rows; what leads to older ones leads on from the last that is left. */
function shorten(body) {
  const rows = [...body.querySelectorAll("tr[data-place]")];
  if (rows.length <= KEPT) return;
  for (const row of rows.slice(KEPT)) row.remove();
  const older = body.querySelector(".more a[hx-get]");
  if (older === null) return;
  const address = new URL(older.getAttribute("href"), location.href);
  address.searchParams.set("cursor", rows[KEPT - 1].dataset.place);
  for (const name of ["href", "hx-get"]) older.setAttribute(name, address.pathname + address.search);
}

export function followLive() {
  const tail = new Tail();
  let adopted = null; // parts of the page are swapped as well, and are no new search
  const adopt = () => {
    adopted = document.querySelector("#viewer");
    tail.adopt();
  };
  adopt();
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("[data-live]")) tail.toggle();
    if (target.closest?.("[data-news]")) {
      tail.flush();
      document.querySelector("#records").scrollIntoView({ block: "start" });
      document.querySelector("#records").focus({ preventScroll: true });
    }
  });
  document.addEventListener("htmx:after:swap", () => {
    if (adopted !== document.querySelector("#viewer")) adopt();
  });
  document.addEventListener("visibilitychange", () => tail.resume());
  return tail;
}
