"use strict";

// Tables are sorted by a click on a header: up, down, and as they were. Each body of a table is sorted by itself.

const NUMBER = /^([+\u2212-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?)(?=$|[\s%[(/,])/i;
const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

// The number that a cell begins with ("4.20 [3.10, 5.32]", "3 of 120", "1,008 / 20,160"), or null.
function numberOf(text) {
  const found = NUMBER.exec(text);
  return found && Number(found[1].replace(/,/g, "").replace("\u2212", "-"));
}

// The rows in order by a column; cells with nothing, or "–", come last both ways.
function sorted(rows, column, down) {
  const texts = new Map(rows.map((row) => [row, row.cells[column]?.textContent.trim() ?? ""]));
  const known = rows.filter((row) => !["", "–", "-"].includes(texts.get(row)));
  const numeric = known.every((row) => numberOf(texts.get(row)) !== null);
  const order = numeric
    ? (a, b) => numberOf(texts.get(a)) - numberOf(texts.get(b))
    : (a, b) => texts.get(a).localeCompare(texts.get(b), undefined, { numeric: true });
  known.sort((a, b) => (down ? order(b, a) : order(a, b)));
  return [...known, ...rows.filter((row) => !known.includes(row))];
}

function makeSortable(table) {
  const headers = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  const bodies = [...table.tBodies].map((body) => [body, [...body.rows]]);
  headers.forEach((header, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...header.childNodes);
    header.append(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const way = NEXT[header.getAttribute("aria-sort")];
      headers.forEach((other) => other.setAttribute("aria-sort", other === header ? way : "none"));
      for (const [body, rows] of bodies) {
        body.append(...(way === "none" ? rows : sorted(rows, column, way === "descending")));
      }
    });
  });
}

for (const table of document.querySelectorAll("table")) {
  if (table.tHead && [...table.tBodies].some((body) => body.rows.length > 1)) makeSortable(table);
}

// What scrolls sideways can be scrolled by the keys, too; paper shows what is folded away.

for (const box of document.querySelectorAll(".scroll, figure, pre")) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}

let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((details) => (details.open = true));
});
addEventListener("afterprint", () => folded.forEach((details) => (details.open = false)));
