// Fields and values while a query is typed: a combobox with a list (WAI-ARIA Authoring Practices).

const PAUSE = 120; // milliseconds of quiet before the server is asked

let list = null;
let asked = null;
let timer = 0;

const query = () => document.querySelector("#query");
const options = () => (list === null ? [] : [...list.children]);
const chosen = () => list?.querySelector('[aria-selected="true"]') ?? null;

function close() {
  asked?.abort();
  clearTimeout(timer);
  list?.remove();
  list = null;
  const input = query();
  input?.setAttribute("aria-expanded", "false");
  input?.removeAttribute("aria-activedescendant");
}

async function ask(input) {
  const typed = input.value.slice(0, input.selectionStart);
  asked?.abort();
  asked = new AbortController();
  const address = new URL(input.dataset.complete, location.href);
  address.searchParams.set("typed", typed);
  for (const name of ["time", "from", "to"]) {
    const value = new FormData(input.form).get(name);
    if (value) address.searchParams.set(name, value);
  }
  try {
    const answer = await fetch(address, { signal: asked.signal, headers: { Accept: "application/json" } });
    const found = answer.ok ? await answer.json() : [];
    // What the cursor stands behind is complete where the one thing offered is there already.
    if (document.activeElement === input && typed === input.value.slice(0, input.selectionStart)) open(input, found);
  } catch {
    close(); // typed on, or no server: a query can be typed without help
  }
}

function open(input, found) {
  close();
  if (found.length === 0) return;
  list = document.createElement("ul");
  list.id = "choices";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "What may follow");
  found.forEach((choice, number) => {
    const option = document.createElement("li");
    option.id = `choice-${number}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    const label = document.createElement("bdi");
    label.textContent = choice.label;
    const note = document.createElement("span");
    note.textContent = choice.note;
    option.append(label, " ", note);
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      take(input, choice);
    });
    option.choice = choice;
    list.append(option);
  });
  input.closest(".field").append(list);
  input.setAttribute("aria-expanded", "true");
}

function take(input, { insert, replaces }) {
  const end = input.selectionStart;
  input.setRangeText(insert, end - replaces, end, "end");
  close();
  if (insert.endsWith(":")) ask(input);
}

function select(input, step) {
  const all = options();
  const here = all.indexOf(chosen());
  chosen()?.setAttribute("aria-selected", "false");
  const next = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : here + step];
  if (next === undefined) {
    input.removeAttribute("aria-activedescendant");
    return;
  }
  next.setAttribute("aria-selected", "true");
  next.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", next.id);
}

function press(event) {
  const input = query();
  if (event.target !== input || event.isComposing) return;
  if (event.key === "Escape" && list !== null) {
    event.preventDefault(); // a search field would empty itself
    close();
  } else if (event.key === "ArrowDown" && list === null) {
    event.preventDefault();
    ask(input);
  } else if (event.key === "ArrowDown" || (event.key === "ArrowUp" && list !== null)) {
    event.preventDefault();
    select(input, event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Tab" && list !== null && !event.shiftKey && chosen() !== null) {
    event.preventDefault();
    take(input, chosen().choice);
  } else if (event.key === "Enter") {
    if (chosen() !== null) {
      event.preventDefault();
      take(input, chosen().choice);
    } else close();
  }
}

/** Tell screen readers what the field can do, once it can. */
function equip() {
  const input = query();
  if (input === null || input.hasAttribute("role")) return;
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", "choices");
  input.setAttribute("aria-expanded", "false");
}

export function completeQueries() {
  equip();
  document.addEventListener("htmx:after:swap", equip);
  document.addEventListener("keydown", press);
  document.addEventListener("input", (event) => {
    const input = query();
    if (event.target !== input) return;
    clearTimeout(timer);
    timer = setTimeout(() => ask(input), PAUSE);
  });
  document.addEventListener("focusout", ({ target }) => {
    if (target === query()) close();
  });
}
