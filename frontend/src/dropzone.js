// The drop zone: takes files that are dropped anywhere on the page, or chosen, and uploads them.

import { Tray } from "./tray.js";

/** @param {HTMLFormElement} form the upload form; it works alone where scripts do not run */
export function watchDropZone(form) {
  const tray = new Tray(document.querySelector("#tray"), {
    upload: form.action,
    list: form.dataset.list,
    logs: form.dataset.logs,
  });
  const input = form.querySelector("input[type=file]");

  input.addEventListener("change", () => {
    tray.add([...input.files]);
    input.value = "";
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tray.add([...input.files]);
  });

  // dragenter and dragleave also fire for every element inside, hence the count.
  let depth = 0;
  const show = () => form.classList.toggle("over", depth > 0);
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (carriesFiles(event)) depth += 1;
    show();
  });
  document.addEventListener("dragleave", (event) => {
    if (carriesFiles(event)) depth = Math.max(0, depth - 1);
    show();
  });
  document.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show();
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const folders = items.filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
    const files = items.filter((item) => !folders.includes(item)).map((item) => item.getAsFile());
    tray.add(files.filter(Boolean));
    for (const folder of folders) tray.refuse(folder.webkitGetAsEntry().name);
  });

  window.addEventListener("beforeunload", (event) => {
    if (tray.busy) event.preventDefault();
  });
}
