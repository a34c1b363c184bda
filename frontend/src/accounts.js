// The script of the account pages. They work without it; it spares a few keystrokes.

import { localTimes } from "./times.js";

document.documentElement.classList.add("scripted");
localTimes();

document.addEventListener("click", async (event) => {
  const reveal = event.target.closest("[data-reveal]");
  if (reveal) show(reveal, document.getElementById(reveal.dataset.reveal));
  const copy = event.target.closest("[data-copy]");
  if (copy) await take(copy, document.getElementById(copy.dataset.copy));
});

/** A password is hidden from whoever looks on, and shown to whoever must check what was typed. */
function show(button, input) {
  const hidden = input.type === "password";
  input.type = hidden ? "text" : "password";
  button.textContent = hidden ? "hide" : "show";
  button.setAttribute("aria-pressed", String(hidden));
}

/** Copy, or at least select: the clipboard needs HTTPS or this machine. */
async function take(button, input) {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Selected";
  }
}
