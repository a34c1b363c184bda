// Renaming in place: the name becomes a field. Enter renames, Escape leaves it as it was.

import htmx from "htmx.org";
import { listAddress } from "./listing.js";

export function renameInPlace() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-rename]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    edit(document.getElementById(link.dataset.rename), link);
  });
}

function edit(row, link) {
  if (row.querySelector("[data-open]") !== null) return;
  const cell = row.querySelector(".name");
  const shown = cell.querySelector("a");
  const form = document.querySelector("#rename").content.firstElementChild.cloneNode(true);
  const input = form.querySelector("input[name=name]");
  form.elements.node.value = link.dataset.node;
  for (const [name, value] of new URL(listAddress(), location.href).searchParams) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  input.value = link.dataset.name;
  input.setAttribute("aria-label", `New name of ${link.dataset.name}`);

  const leave = () => {
    form.remove();
    shown.hidden = false;
    shown.focus();
  };
  form.addEventListener("keydown", (event) => event.key === "Escape" && leave());
  form.querySelector("[data-leave]").addEventListener("click", leave);
  form.addEventListener("submit", () => {
    const focus = () => document.querySelector(`#${row.id} .name a:not([hidden])`)?.focus();
    document.addEventListener("htmx:after:swap", focus, { once: true });
  });
  shown.hidden = true;
  cell.append(form);
  htmx.process(form);
  input.focus();
  const dot = input.value.lastIndexOf(".");
  input.setSelectionRange(0, dot > 0 && !("folder" in row.dataset) ? dot : input.value.length);
}
