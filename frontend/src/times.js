// Times in the reader's own zone and words. Without scripts they stay as sent: UTC.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const EXACT = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const YEAR = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** @param {boolean} exact to the second, whatever the day */
function words(moment, exact) {
  const now = new Date();
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1);
  const clock = (exact ? EXACT : CLOCK).format(moment);
  if (moment.toDateString() === now.toDateString()) return `today ${clock}`;
  if (moment.toDateString() === yesterday.toDateString()) return `yesterday ${clock}`;
  const day = (moment.getFullYear() === now.getFullYear() ? DAY : YEAR).format(moment);
  return exact ? `${day}, ${clock}` : day;
}

function rewrite(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    time.textContent = words(moment, "exact" in time.dataset);
    time.title = FULL.format(moment);
  }
}

/** Rewrite all times of the page, now and after every swap. */
export function localTimes() {
  rewrite(document);
  document.addEventListener("htmx:after:swap", () => rewrite(document));
}
