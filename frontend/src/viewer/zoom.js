// The histogram: a click on a bar shows what is in it, dragging shows what was dragged over.

import { search } from "./searching.js";

const MOVED = 4; // pixels; less is a click

/** The bars from one place to another, as moments in microseconds. */
function spanOf(svg, from, to) {
  const box = svg.getBoundingClientRect();
  const [start, end, width] = ["start", "end", "width"].map((name) => Number(svg.dataset[name]));
  const count = (end - start) / width;
  const bar = (x) => Math.min(Math.max(Math.floor(((x - box.left) / box.width) * count), 0), count - 1);
  const [first, last] = [bar(Math.min(from, to)), bar(Math.max(from, to))];
  return { first: start + first * width, last: start + (last + 1) * width, start, end };
}

/** A moment as addresses have it. */
const moment = (us) => `${new Date(us / 1000).toISOString().slice(0, 19)}Z`;

/** What the table says of a bar: its time, and how many of each level. */
function tell(svg, start) {
  const table = svg.parentElement.querySelector(".as-table table");
  const names = [...table.querySelectorAll("th")].map((head) => head.textContent);
  const time = table.querySelector(`time[datetime="${moment(start)}"]`);
  const cells = [...(time?.closest("tr").children ?? [])];
  const [when, ...counts] = cells.map((cell) => cell.textContent.trim());
  const told = counts.map((count, number) => (count === "0" ? "" : `${names[number + 1]} ${count}`));
  return when === undefined ? "" : `${when}: ${told.filter(Boolean).join(" · ")}`;
}

/** Draw what a release would choose. */
function mark(svg, span) {
  const rect = svg.querySelector(".span");
  const share = svg.viewBox.baseVal.width / (span.end - span.start);
  rect.setAttribute("x", (span.first - span.start) * share);
  rect.setAttribute("width", (span.last - span.first) * share);
}

function show(svg, { first, last }) {
  const address = new URL(svg.dataset.list, location.href);
  address.searchParams.set("from", moment(first));
  address.searchParams.set("to", moment(last));
  search(address.pathname + address.search);
}

export function zoomHistogram() {
  let drag = null;
  document.addEventListener("pointerdown", (event) => {
    const svg = event.target.closest?.("svg.bars");
    if (!svg || event.button !== 0) return;
    drag = { svg, from: event.clientX };
    if (event.pointerType === "mouse") event.preventDefault(); // selects no text
  });
  document.addEventListener("pointermove", ({ clientX, target }) => {
    const over = drag === null ? target.closest?.("svg.bars") : null;
    if (over) {
      const span = spanOf(over, clientX, clientX);
      mark(over, span);
      over.querySelector("title").textContent = tell(over, span.first);
    }
    if (drag !== null && Math.abs(clientX - drag.from) > MOVED) {
      mark(drag.svg, spanOf(drag.svg, drag.from, clientX));
    }
  });
  document.addEventListener("pointerup", ({ clientX }) => {
    if (drag === null) return;
    const { svg, from } = drag;
    drag = null;
    if (svg.isConnected && document.querySelector("#search") !== null) show(svg, spanOf(svg, from, clientX));
  });
  document.addEventListener("pointerout", ({ target }) => {
    if (drag === null) target.closest?.("svg.bars")?.querySelector(".span").setAttribute("width", 0);
  });
  document.addEventListener("pointercancel", () => {
    drag?.svg.querySelector(".span").setAttribute("width", 0);
    drag = null; // a finger that scrolls
  });
}
