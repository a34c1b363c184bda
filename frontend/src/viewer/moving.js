// The records by keyboard: j and k move, Enter opens, t follows, ? tells.

const rows = () => [...document.querySelectorAll("#records tbody tr")].filter((row) => row.querySelector("a"));

/** Go so many records down, or up; the first one when none has the focus. */
function move(step) {
  const all = rows();
  const here = all.findIndex((row) => row.contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1);
  const link = all[next]?.querySelector("a");
  link?.focus();
  link?.scrollIntoView({ block: "nearest" });
}

export function moveByKeys(tail) {
  const acts = {
    j: () => move(1),
    k: () => move(-1),
    t: () => tail.toggle(),
    "?": () => document.querySelector("#keys")?.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, select, textarea, dialog, [contenteditable]")) return;
    const act = acts[event.key];
    if (act === undefined || document.querySelector("#records") === null) return;
    event.preventDefault();
    act();
  });
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("[data-keys]")) acts["?"]();
  });
}
