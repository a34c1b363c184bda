// What an act came to, and why one was refused: always in sight, wherever the list is scrolled to.

export function watchNotices(notices, tray) {
  dismissNotices();
  keepRoom(notices, "--told");
  keepRoom(tray, "--tray");
}

export function dismissNotices() {
  document.addEventListener("click", ({ target }) => {
    target.closest?.("[data-dismiss]")?.closest(".notice").remove();
  });
}

/** Tell the style sheet how much of the window an element covers. */
function keepRoom(element, name) {
  if (element === null) return;
  const tell = () => {
    const { offsetHeight: height } = element;
    document.documentElement.style.setProperty(name, `${height}px`);
  };
  new ResizeObserver(tell).observe(element);
}

/** Take the newest notice, which answers what is asked somewhere else, to that place. */
export function takeNotice() {
  const notice = document.querySelector("#notices .notice");
  notice?.querySelector("[data-dismiss]")?.remove();
  return notice;
}
