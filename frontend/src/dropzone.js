// The drop zone: takes files and folders that are dropped anywhere on the page, or chosen.

import { getDroppedFiles } from "@uppy/core/utils";

/**
 * @param {HTMLFormElement} form the upload form; it works alone where scripts do not run
 * @param {(chosen: {file: File, path: string}[]) => void} take
 * @param {(count: number) => void} unreadable told of what was dropped and could not be read
 */
export function watchDropZone(form, take, unreadable) {
  for (const input of form.querySelectorAll("input[type=file]")) {
    input.addEventListener("change", () => {
      take([...input.files].map((file) => ({ file, path: file.webkitRelativePath })));
      input.value = "";
    });
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  watchDrags(form, async (transfer) => {
    let failures = 0;
    const files = await getDroppedFiles(transfer, { logDropError: () => (failures += 1) });
    take(files.map((file) => ({ file, path: file.relativePath ?? "" })));
    if (failures > 0) unreadable(failures);
  });
}

function watchDrags(form, drop) {
  // dragenter and dragleave also fire for every element inside, hence the count.
  let depth = 0;
  const show = () => form.classList.toggle("over", depth > 0);
  const on = (name, act) => {
    document.addEventListener(name, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      act(event);
      show();
    });
  };
  on("dragenter", () => (depth += 1));
  on("dragleave", () => (depth = Math.max(0, depth - 1)));
  on("dragover", (event) => {
    event.preventDefault(); // or the browser would open the file in place of the page
    event.dataTransfer.dropEffect = form.hidden ? "none" : "copy";
  });
  on("drop", (event) => {
    event.preventDefault();
    depth = 0;
    if (!form.hidden) drop(event.dataTransfer);
  });
}
