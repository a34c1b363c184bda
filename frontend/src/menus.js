// Menus of rows: beside their buttons, which browsers do not all do by themselves yet.

const GAP = 4; // px

export function placeMenus() {
  document.addEventListener("toggle", place, true); // it does not bubble
  document.addEventListener("click", ({ target }) => {
    target.closest?.(".row-menu")?.hidePopover(); // something was chosen
  });
}

function place(event) {
  const menu = event.target;
  if (!menu.matches?.(".row-menu")) return;
  if (event.newState !== "open") {
    menu.removeAttribute("style"); // htmx would copy it to the row's successor, which the CSP forbids
    return;
  }
  const button = document.querySelector(`[popovertarget="${menu.id}"]`).getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = button.bottom + GAP;
  const top = below + height > innerHeight ? Math.max(GAP, button.top - GAP - height) : below;
  const left = Math.max(GAP, button.right - width);
  Object.assign(menu.style, { inset: "auto", top: `${top}px`, left: `${left}px`, margin: "0" });
}
