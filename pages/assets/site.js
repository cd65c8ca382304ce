// Sorting and filtering of tables, and views by role. Without it every row and section is there.
"use strict";

// What a cell sorts by: its value where it is a number or a moment, else its text.
function valueOf(row, column) {
  const cell = row.cells[column];
  const value = cell.dataset.value ?? cell.textContent.trim();
  const number = Number(value);
  return value !== "" && !Number.isNaN(number) ? number : value;
}

// Numbers before texts, both in order; what is missing comes last in either direction.
function compare(a, b, direction) {
  if (a === "" || b === "") return (a === "") - (b === "");
  if (typeof a === "number" && typeof b === "number") return direction * (a - b);
  return direction * String(a).localeCompare(String(b), document.documentElement.lang, { numeric: true });
}

function makeSortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  const sortBy = (column) => {
    const isAscending = headings[column].getAttribute("aria-sort") !== "ascending";
    headings.forEach((heading) => heading.removeAttribute("aria-sort"));
    headings[column].setAttribute("aria-sort", isAscending ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => compare(valueOf(a, column), valueOf(b, column), isAscending ? 1 : -1));
    table.tBodies[0].append(...rows);
  };
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(column));
    heading.append(button);
  });
}

function makeFilterable(table, bar) {
  const headings = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies[0].rows];
  const selects = [];
  const count = document.createElement("span");
  count.setAttribute("role", "status");
  const apply = () => {
    let shown = 0;
    for (const row of rows) {
      row.hidden = !selects.every(([column, select]) => select.value === "" || choice(row, column) === select.value);
      shown += !row.hidden;
    }
    count.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} rows`;
  };
  headings.forEach((heading, column) => {
    if (!("filters" in heading.dataset)) return;
    const values = [...new Set(rows.map((row) => choice(row, column)))].sort();
    if (values.length < 2) return;
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.add(new Option("all", ""));
    values.forEach((value) => select.add(new Option(value, value)));
    select.addEventListener("change", apply);
    label.append(`${heading.textContent.trim()} `, select);
    bar.append(label);
    selects.push([column, select]);
  });
  if (selects.length) bar.append(count);
}

function choice(row, column) {
  return row.cells[column].dataset.choice ?? row.cells[column].textContent.trim();
}

// A view shows the sections that are for a role. The numbers in them are the same for all.
function makeViews(bar) {
  const sections = [...document.querySelectorAll("[data-for]")];
  const roles = bar.dataset.views.split(" ");
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.add(new Option("everyone", ""));
  roles.forEach((role) => select.add(new Option(role, role)));
  const asked = new URLSearchParams(location.hash.slice(1)).get("view") ?? "";
  select.value = roles.includes(asked) ? asked : "";
  const apply = () => {
    for (const section of sections) {
      section.hidden = select.value !== "" && !section.dataset.for.split(" ").includes(select.value);
    }
    for (const link of document.querySelectorAll("nav a")) {
      link.hash = select.value ? `view=${encodeURIComponent(select.value)}` : "";
    }
  };
  select.addEventListener("change", apply);
  label.append("Shown for ", select);
  bar.append(label);
  apply();
}

for (const box of document.querySelectorAll("[data-table]")) {
  const table = box.querySelector("table");
  makeFilterable(table, box.querySelector(".filters"));
  makeSortable(table);
}
makeViews(document.querySelector("[data-views]"));
