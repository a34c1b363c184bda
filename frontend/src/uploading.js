// Puts the parts of uploading together: drop zone, queue, tray, and the list that shows the result.

import { watchDropZone } from "./dropzone.js";
import { mayUpload, refreshList, shownFolder } from "./listing.js";
import { Resumption } from "./resumption.js";
import { Session } from "./session.js";
import { Tray } from "./tray.js";
import { Uploads } from "./uploads.js";

/**
 * @param {HTMLFormElement|null} form the upload form; null on pages that have none
 * @returns {Uploads|null} the queue
 */
export function upload(form) {
  if (form === null) return null;
  const { tus, csrf, page, logs } = form.dataset;
  const session = new Session(csrf ?? "", page);
  // Absolute, since tus-js-client resolves the addresses of uploads against it.
  const uploads = new Uploads(new URL(tus, location.href).href, session);
  const tray = new Tray(document.querySelector("#tray"), uploads, logs);
  const resumption = new Resumption(tray, uploads);

  watchDropZone(
    form,
    (chosen) => {
      uploads.add(chosen, shownFolder());
      resumption.settle();
    },
    (count) => tray.warn(count),
  );
  resumption.look();

  uploads.stored = refreshList;

  // The list changes its folder without the page being loaded anew.
  document.addEventListener("htmx:after:swap", () => (form.hidden = !mayUpload()));

  window.addEventListener("beforeunload", (event) => {
    if (uploads.busy) event.preventDefault();
  });
  return uploads;
}
