"use strict";

// MathJax makes every formula a stop of the Tab key. Only a box too narrow for its formula needs one, to be
// scrolled from the keyboard; such a box fades where more of the formula is hidden.

// What is seen; the markup for screen readers beside it is hidden, and wider.
function seen(box) {
  return box.querySelector("mjx-math") ?? box;
}

function hint(box) {
  const { left, right } = seen(box).getBoundingClientRect();
  const frame = box.getBoundingClientRect();
  box.classList.toggle("more-right", right > frame.right + 1);
  box.classList.toggle("more-left", left < frame.left - 1);
}

function markNarrow() {
  const boxes = [...document.querySelectorAll("mjx-container, span.math")];
  const narrow = boxes.map((box) => seen(box).getBoundingClientRect().width > box.clientWidth + 1);
  boxes.forEach((box, i) => {
    box.tabIndex = narrow[i] ? 0 : -1;
    box.classList.toggle("narrow", narrow[i]);
    if (narrow[i]) hint(box);
    else box.classList.remove("more-left", "more-right");
    box.onscroll = narrow[i] ? () => hint(box) : null;
  });
}

if (window.MathJax) {
  MathJax.startup.promise.then(markNarrow);
  addEventListener("resize", markNarrow);
  // A formula in a closed proof has no width yet.
  addEventListener("toggle", markNarrow, { capture: true });
}

// Rows of a long table can be sought, and sorted by any column that does not merge cells.
for (const table of document.querySelectorAll(".bd-content table")) {
  const rows = [...table.querySelectorAll("tbody > tr")];
  if (rows.length < 30) continue;
  const field = document.createElement("input");
  Object.assign(field, { type: "search", placeholder: "Only rows with …", className: "row-filter" });
  field.setAttribute("aria-label", "Show only rows of the table with these words");
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
  (table.closest(".pst-scrollable-table-container") ?? table).before(field);
  table.querySelectorAll("thead th").forEach((head, column) => makeSortable(table, rows, head, column));
}

// The name of a column becomes a button: up, down, and as it was.
function makeSortable(table, rows, head, column) {
  const button = document.createElement("button");
  button.className = "sort";
  button.append(...head.childNodes);
  head.append(button);
  const key = (row) => row.cells[column]?.textContent.trim() ?? "";
  // A row that names a part has no place in another order.
  const isPart = (row) => !row.cells[1]?.textContent.trim();
  const up = (a, b) => {
    const [x, y] = [key(a), key(b)];
    return x - y || x.localeCompare(y, "en", { numeric: true });
  };
  button.addEventListener("click", () => {
    const order = { ascending: "descending", descending: null, null: "ascending" }[head.ariaSort];
    table.querySelectorAll("th").forEach((each) => (each.ariaSort = null));
    head.ariaSort = order;
    const sorted = order ? rows.filter((row) => !isPart(row)).sort(up) : rows;
    if (order === "descending") sorted.reverse();
    rows.filter(isPart).forEach((row) => row.remove());
    table.tBodies[0].append(...sorted);
  });
}

// On paper nothing can be unfolded, and ink is black. The code behind a figure stays away.
let folded = [];
let theme;
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open], .hide, .verdict)")];
  folded.forEach((box) => (box.open = true));
  theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => {
  folded.forEach((box) => (box.open = false));
  document.documentElement.dataset.theme = theme;
});
