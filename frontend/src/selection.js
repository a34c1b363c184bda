// Choosing several rows: all at once, ranges with Shift, and the bar that says what can be done.

import { items } from "./units.js";

const boxes = () => [...document.querySelectorAll('input[name="node"][form="selection"]')];

/** @param {() => boolean} busy whether leaving the page would end something */
export function watchSelection(busy) {
  let last = null; // where a range begins

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.('input[name="node"][form="selection"]');
    if (!box) return;
    if (event.shiftKey && last?.isConnected) choose(last, box);
    last = box;
  });
  document.addEventListener("change", ({ target }) => {
    if (target.id === "select-all") for (const box of boxes()) box.checked = target.checked;
    if (target.id === "select-all" || target.name === "node") show();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-download]");
    // A form leaves the page for a moment, of which browsers ask before, and which may cut off what
    // is being sent; one that opens a tab does not, and the tab closes once it is a download.
    if (button) button.formTarget = busy() ? "_blank" : "";
    if (event.target.closest?.("[data-unselect]")) unselect();
  });
  document.addEventListener("htmx:after:swap", show);
  window.addEventListener("pageshow", show); // browsers remember what was checked
}

/** Make all rows between two like the second. */
function choose(from, to) {
  const all = boxes();
  const [first, last] = [all.indexOf(from), all.indexOf(to)].sort((a, b) => a - b);
  for (const box of all.slice(first, last + 1)) box.checked = to.checked;
}

function unselect() {
  for (const box of boxes()) box.checked = false;
  show();
  document.querySelector("#select-all")?.focus();
}

function show() {
  const all = boxes();
  const count = all.filter((box) => box.checked).length;
  const whole = document.querySelector("#select-all");
  if (whole === null) return;
  whole.checked = count > 0 && count === all.length;
  whole.indeterminate = count > 0 && count < all.length;
  document.querySelector("#selected").hidden = count === 0;
  for (const place of document.querySelectorAll("[data-count]")) place.textContent = count;
  for (const place of document.querySelectorAll("[data-items]")) place.textContent = items(count);
}
