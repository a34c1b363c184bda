// `/` goes to the search field, as it does wherever people search much.

export function searchKey() {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, [contenteditable]")) return;
    const query = document.querySelector("#query");
    if (query === null) return;
    event.preventDefault();
    query.focus();
    query.select();
  });
}
