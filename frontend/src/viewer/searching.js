// Links that lead to another search change the page in place: what stands around it stays.

import htmx from "htmx.org";

/** Search at this address: `/logs?query=…`. What is followed live is followed on. */
export function search(address) {
  const wanted = new URL(address, location.href);
  const isFollowed = document.querySelector('[data-live][aria-pressed="true"]') !== null;
  if (isFollowed && !wanted.searchParams.has("to")) wanted.searchParams.set("live", "1");
  return htmx.ajax("GET", wanted.pathname + wanted.search, { target: "#viewer", swap: "outerHTML" });
}

export function searchInPlace() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-search]");
    // Where there is no list to change, and where a new tab is wanted, the link is a link.
    if (link === null || link === undefined || document.querySelector("#search") === null) return;
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    search(event.altKey ? without(link) : link.getAttribute("href"));
  });
  document.addEventListener("change", chooseSpan, true);
  document.addEventListener("htmx:after:swap", settle);
  settle();
}

/** With the Alt key a value is excluded. */
function without(link) {
  const minus = link.parentElement.querySelector(".minus");
  return (minus ?? link).getAttribute("href");
}

/** Another span of time takes the place of the two moments; "from … to" asks for them. */
function chooseSpan({ target }) {
  if (!target.matches("select[data-span]")) return;
  const form = target.form;
  if (target.value === "custom") {
    form.querySelector("#between").open = true;
    form.elements.from.focus();
    return;
  }
  form.elements.from.value = form.elements.to.value = "";
  form.requestSubmit();
}

/** After each search: the focus where the search put it, and the cursor where the query is wrong. */
function settle() {
  const query = document.querySelector("#query");
  const column = query?.dataset.column;
  if (column !== undefined) {
    query.focus();
    query.setSelectionRange(column - 1, query.value.length);
    delete query.dataset.column;
  } else if (document.activeElement === document.body && settled) {
    document.querySelector("#records")?.focus({ preventScroll: true });
  }
  settled = true;
}

let settled = false;
