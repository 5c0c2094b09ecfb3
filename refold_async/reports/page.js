"use strict";
const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent;
const order = (a, b) => (a === "" || b === "" || isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b);
for (const table of document.querySelectorAll("table.sorts")) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") === "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows].sort((a, b) => order(value(a, column), value(b, column)));
      table.tBodies[0].append(...(up ? rows : rows.reverse()));
    });
  });
  if (table.tBodies[0].rows.length < 6) continue;
  const input = document.createElement("input");
  input.type = "search";
  input.placeholder = "Filter";
  input.ariaLabel = `Filter: ${table.dataset.name}`;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase();
    for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(words);
  });
  table.parentElement.before(input);
}
