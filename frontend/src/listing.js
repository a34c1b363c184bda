// The list of a folder: which one is shown, and how it is brought up to date.

import htmx from "htmx.org";

const PATIENCE = 1_000; // ms between two looks whether the reader is done with the list

const list = () => document.querySelector("#list");

/** Path of the folder that is shown. */
export function shownFolder() {
  return list()?.dataset.folder ?? "/";
}

/** Where the list comes from: its folder, sorted and searched as it is. */
export function listAddress() {
  return list().dataset.address;
}

/** Whether whoever looks at it may put files into it. */
export function mayUpload() {
  return list()?.hasAttribute("data-writable") ?? false;
}

/** Bring the list up to date, but not under the hands of whoever selects or renames in it. */
export async function refreshList() {
  const shown = list();
  if (shown === null) return;
  if (shown.querySelector(":checked, [data-open], :popover-open, dialog[open]") !== null) {
    setTimeout(refreshList, PATIENCE);
    return;
  }
  if (!navigator.onLine) {
    window.addEventListener("online", refreshList, { once: true });
    return;
  }
  const headers = { "X-Keep-Notices": "1" }; // nobody has gone anywhere
  await htmx.ajax("GET", shown.dataset.address, { target: "#list", swap: "outerHTML", headers });
}

/** What an act came to is told once: not again when the page is loaded anew, or gone back to. */
export function forgetReceipt() {
  const address = new URL(location.href);
  if (!address.searchParams.has("receipt")) return;
  address.searchParams.delete("receipt");
  history.replaceState(history.state, "", address);
}
