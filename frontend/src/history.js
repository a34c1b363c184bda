// A file's history: printing, and the progress of a check. Both work without it, the one by the
// browser's own menu, the other by a form.

document.documentElement.classList.add("scripted");

document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-print]")) print();
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-check]");
  if (form === null) return;
  event.preventDefault();
  check(form);
});

async function check(form) {
  const bar = form.querySelector("progress");
  const status = form.querySelector("[role=status]");
  const button = form.querySelector("button");
  button.disabled = true;
  bar.hidden = false;
  status.textContent = "Reading …";
  try {
    for await (const said of lines(await ask(form))) {
      if (said.error) throw new Error(said.error);
      if (said.read) bar.value = said.read;
      if (said.ended) location.reload(); // the record of the check is the newest of the history
    }
  } catch (error) {
    status.textContent = error.message || "The check was broken off. Try again.";
    button.disabled = false;
    bar.hidden = true;
  }
}

async function ask(form) {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { Accept: "application/x-ndjson" },
  });
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? "The server did not answer as it should. Try again.");
}

/** The lines of an answer, each parsed, as they arrive. */
async function* lines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}
