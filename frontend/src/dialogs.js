// Questions in front of the page: links and buttons with `data-dialog` open there what without
// scripts is a page of its own.

import htmx from "htmx.org";
import { takeNotice } from "./notices.js";

export function watchDialogs(dialog) {
  if (dialog === null) return;

  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-dialog]");
    if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      open(dialog, addressOf(opener));
    }
    if (event.target === dialog || event.target.closest?.("[data-close]")) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.replaceChildren());
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    const within = ctx.target instanceof Node && dialog.contains(ctx.target);
    if (!dialog.open || !ctx.response || within) return;
    if (ctx.response.status < 400) dialog.close();
    else {
      dialog.querySelector(".notice")?.remove();
      const notice = takeNotice(); // from where nobody would see it
      if (notice) dialog.prepend(notice);
    }
  });
}

async function open(dialog, address) {
  await htmx.ajax("GET", address, { target: "#dialog", swap: "innerHTML" });
  if (dialog.childElementCount > 0 && !dialog.open) dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
}

function addressOf(opener) {
  if (opener.href) return opener.href;
  return `${opener.formAction}?${new URLSearchParams(new FormData(opener.form, opener))}`;
}
