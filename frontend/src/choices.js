// Choosing from a list is enough: `data-submit` sends its form without a click on the button.

export function submitOnChoice() {
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
}
