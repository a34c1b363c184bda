// Copies the value beside the button.

export function copyValues() {
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.("[data-copy]");
    if (!button) return;
    const value = button.closest("dd").querySelector("bdi").textContent;
    try {
      await navigator.clipboard.writeText(value);
      tell(button, "Copied");
    } catch {
      select(button.closest("dd").querySelector("bdi")); // over plain HTTP there is no clipboard
      tell(button, "Selected: press Ctrl+C");
    }
  });
}

function select(element) {
  getSelection().selectAllChildren(element);
}

function tell(button, words) {
  button.dataset.told = words;
  document.querySelector("#told").textContent = words;
  setTimeout(() => delete button.dataset.told, 1500);
}
