// Times in the reader's own zone, where that was chosen; else as they were sent, in UTC.

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const PARTS = new Intl.DateTimeFormat("en-CA", {
  year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const WORDS = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [["year", 31536000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** Date and time of day there: 2026-11-24 and 14:27:05.105. */
function local(moment, fraction) {
  const found = {};
  for (const { type, value } of PARTS.formatToParts(moment)) found[type] = value;
  const clock = `${found.hour}:${found.minute}:${found.second}`;
  return { date: `${found.year}-${found.month}-${found.day}`, clock: clock + fraction };
}

const FORMS = {
  day: ({ date }) => date,
  hour: ({ date, clock }) => `${date.slice(5)} ${clock.slice(0, 5)}`,
  minute: ({ clock }) => clock.slice(0, 5),
  second: ({ clock }) => clock.slice(0, 8),
  clock: ({ clock }) => clock,
  full: ({ date, clock }) => `${date} ${clock.slice(0, 8)}`,
  exact: ({ date, clock }) => `${date} ${clock}`,
};

function rewrite(time) {
  const shown = local(new Date(time.dateTime), time.dateTime.match(/\.\d{1,3}/)?.[0] ?? "");
  const form = FORMS[time.closest("[data-precision]")?.dataset.precision];
  if (form !== undefined) {
    time.textContent = form(shown);
    return;
  }
  time.querySelector(".year").textContent = shown.date.slice(0, 5);
  time.querySelector(".date").textContent = `${shown.date.slice(5)} `;
  time.lastChild.textContent = shown.clock;
}

/** How long ago, in words: 7 minutes ago. */
function ago(text) {
  const seconds = (Date.now() - new Date(text)) / 1000;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return WORDS.format(-Math.round(seconds / length), unit);
}

const isLocal = () => document.querySelector("#viewer")?.dataset.zone === "local";

/** Show the times inside an element as the page wants them; each once. */
export function showTimes(root) {
  for (const told of root.querySelectorAll("[data-ago]:empty")) {
    told.textContent = ago(told.dataset.ago);
  }
  if (!isLocal()) return;
  for (const name of root.querySelectorAll("[data-zone-name]")) name.textContent = ZONE;
  for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
    time.dataset.local = "";
    rewrite(time);
  }
  for (const input of root.querySelectorAll('input[type="datetime-local"]:not([data-local])')) {
    input.dataset.local = "";
    if (input.value) input.value = FORMS.full(local(new Date(`${input.value}Z`), "")).replace(" ", "T");
  }
}

export function showZone() {
  const show = () => showTimes(document);
  show();
  document.addEventListener("htmx:after:swap", show);
  // What is typed in the reader's zone is sent in UTC.
  document.addEventListener("formdata", ({ formData }) => {
    if (!isLocal()) return;
    for (const name of ["from", "to"]) {
      const value = formData.get(name);
      if (value) formData.set(name, `${new Date(value).toISOString().slice(0, 19)}Z`);
    }
  });
  document.addEventListener("pointerover", ({ target }) => {
    const time = target.closest?.("time[datetime]");
    if (time && !time.title) time.title = `${time.dateTime} · ${ago(time.dateTime)}`;
  });
}
