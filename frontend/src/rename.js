// Renaming in place: the name becomes a field. Enter renames, Escape leaves it as it was.

import htmx from "htmx.org";
import { listAddress } from "./listing.js";
import { takeNotice } from "./notices.js";

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
  const shown = row.querySelector(".name a");
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
    const answered = ({ detail: { ctx } }) => {
      if (form.isConnected && ctx.sourceElement !== form) return; // the answer to something else
      document.removeEventListener("htmx:after:swap", answered);
      if (form.isConnected) refuse(form, input);
      else document.querySelector(`#${row.id} .name a`)?.focus();
    };
    document.addEventListener("htmx:after:swap", answered);
  });
  shown.hidden = true;
  shown.after(form);
  htmx.process(form);
  input.focus();
  const dot = input.value.lastIndexOf(".");
  input.setSelectionRange(0, dot > 0 && !("folder" in row.dataset) ? dot : input.value.length);
}

/** Say why beside the field, where whoever typed looks. */
function refuse(form, input) {
  form.querySelector(".notice")?.remove();
  const notice = takeNotice();
  if (notice) form.append(notice);
  input.setAttribute("aria-invalid", "true");
  input.focus();
}
