// A part of the page that cannot even be asked for says so in its own place.

import htmx from "htmx.org";

export function reportFailedParts() {
  document.addEventListener("htmx:error", ({ detail }) => {
    const part = detail?.ctx?.sourceElement?.closest?.("[data-part]");
    const address = part?.getAttribute("hx-get");
    if (!address) return;
    const again = document.createElement("button");
    again.className = "btn small";
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => htmx.ajax("GET", address, { target: part, swap: "outerHTML" }));
    const told = document.createElement("p");
    told.className = "failed";
    told.setAttribute("role", "alert");
    told.append("The server could not be reached. ", again);
    part.replaceChildren(told);
  });
}
