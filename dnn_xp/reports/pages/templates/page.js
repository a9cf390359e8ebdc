"use strict";
// The numbers of charts at a place, lines to hide, tables to sort. Parts of a page may be replaced
// while it is open: events are heard by the document, and "page:replaced" makes controls anew.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const hidden = new Map(); // names of lines that are hidden, by section
  const sorted = new Map(); // the column and the direction, by table
  const held = new WeakMap(); // the place of the cursor, by chart
  const read = new WeakMap(); // the points, by line
  let last = null; // what had the focus: its section, and its place there

  const make = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const makeShape = (name, attributes) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const sectionOf = (element) => element.closest("section")?.id ?? "";
  // The name of an element that outlives its replacement: its place among its like in its section.
  const nameOf = (element, like) => {
    const all = (element.closest("section") ?? document).querySelectorAll(like);
    return `${sectionOf(element)} ${[...all].indexOf(element)}`;
  };

  // ------------------------------------------------------------------------- charts

  const CHART = "svg.chart[data-points]";
  const linesOf = (chart) => [...chart.querySelectorAll("g[data-x]:not(.off)")];

  const pointsOf = (line) => {
    if (!read.has(line)) {
      const path = [...line.children].find((one) => one.localName === "path");
      const places = [...path.getAttribute("d").matchAll(/([\d.]+) ([\d.]+)/g)];
      const x = line.dataset.x.split(" "), y = line.dataset.y.split(" ");
      read.set(line, places.map((place, i) => ({ across: +place[1], up: +place[2], x: x[i], y: y[i] })));
    }
    return read.get(line);
  };
  const nearest = (points, across, up = null) => {
    const distance = (one) => Math.hypot(one.across - across, up === null ? 0 : one.up - up);
    return points.reduce((best, one) => (distance(one) < distance(best) ? one : best));
  };

  const clearCursor = (chart) => {
    held.delete(chart);
    chart.querySelector(".cursor")?.remove();
    const output = outputOf(chart);
    if (output) output.textContent = "";
  };
  const outputOf = (chart) => {
    const after = chart.nextElementSibling;
    return after?.localName === "output" ? after : null;
  };

  const showAt = (chart, across, up = null) => {
    chart.querySelector(".cursor")?.remove();
    const { points: kind, xName, yName, yUnit = "" } = chart.dataset;
    const lines = linesOf(chart).filter((line) => pointsOf(line).length);
    if (!lines.length) {
      outputOf(chart).textContent = "No line is shown.";
      return;
    }
    const found = lines.map((line) => [line, nearest(pointsOf(line), across, up)]);
    const place = nearest(found.map(([, point]) => point), across, up);
    held.set(chart, place);
    const cursor = makeShape("g", { class: "cursor" });
    const box = chart.viewBox.baseVal;
    if (kind === "line") {
      // The frame is the last line of the axes: from its top down to its bottom.
      const ends = [...chart.querySelectorAll(":scope > path")].map((one) => /^M[\d.]+ ([\d.]+)V([\d.]+)H/.exec(one.getAttribute("d"))).find(Boolean);
      const [top, bottom] = ends ? [ends[1], ends[2]] : [0, box.height];
      cursor.append(makeShape("path", { d: `M${place.across} ${top}V${bottom}` }));
    }
    for (const [line, point] of found) {
      const color = line.querySelector("path").getAttribute("stroke");
      cursor.append(makeShape("circle", { cx: point.across, cy: point.up, r: 4, stroke: color }));
    }
    chart.append(cursor);
    const values = found.map(([line, one]) => {
      const elsewhere = one.x === place.x ? "" : ` (at ${one.x})`;
      return `${line.dataset.line} ${one.y}${yUnit}${elsewhere}`;
    });
    outputOf(chart).textContent = kind === "line"
      ? `${xName} ${place.x}: ${values.join(", ")}`
      : `${xName} ${place.x}, ${yName} ${place.y}`;
  };

  const showAtPointer = (event) => {
    const chart = event.target.closest?.(CHART);
    if (!chart) return;
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse());
    showAt(chart, point.x, chart.dataset.points === "point" ? point.y : null);
  };

  const moveCursor = (chart, key) => {
    const points = linesOf(chart).flatMap(pointsOf).sort((a, b) => a.across - b.across || a.up - b.up);
    const places = points.filter((one, i) => chart.dataset.points === "point" || one.across !== points[i - 1]?.across);
    if (!places.length) return showAt(chart, 0);
    const end = places.length - 1, from = held.get(chart);
    const at = from ? places.findIndex((one) => one.across === from.across && (chart.dataset.points === "line" || one.up === from.up)) : end;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: end, "": at }[key];
    const place = places[Math.max(0, Math.min(end, to))];
    showAt(chart, place.across, chart.dataset.points === "point" ? place.up : null);
  };

  document.addEventListener("pointermove", showAtPointer);
  document.addEventListener("pointerdown", showAtPointer);
  document.addEventListener("pointerout", (event) => {
    const chart = event.target.closest?.(CHART);
    const leaves = chart && !chart.contains(event.relatedTarget);
    if (leaves && event.pointerType === "mouse" && document.activeElement !== chart) clearCursor(chart);
  });
  document.addEventListener("keydown", (event) => {
    const chart = event.target.closest?.(CHART);
    if (!chart || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") clearCursor(chart);
    else if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) {
      event.preventDefault();
      moveCursor(chart, event.key);
    }
  });
  document.addEventListener("focusin", (event) => {
    const chart = event.target.closest?.(CHART);
    if (chart?.matches(":focus-visible") && !held.has(chart)) moveCursor(chart, "");
  });
  document.addEventListener("focusout", (event) => {
    const chart = event.target.closest?.(CHART);
    if (chart) clearCursor(chart);
  });

  const prepareChart = (chart) => {
    if (outputOf(chart)) return;
    chart.setAttribute("tabindex", "0");
    chart.after(make("output"));
  };

  // ------------------------------------------------------------------------- toggles

  const hideLines = (section) => {
    const names = hidden.get(section.id) ?? new Set();
    for (const one of section.querySelectorAll("svg.chart g[data-line]")) {
      one.classList.toggle("off", names.has(one.dataset.line));
    }
  };
  const swatch = (key) => {
    const picture = makeShape("svg", { width: 24, height: 12, viewBox: "0 0 24 12", fill: "none", "aria-hidden": "true" });
    const line = key.querySelector("path").cloneNode();
    line.setAttribute("d", "M2 6h20");
    picture.append(line);
    return picture;
  };
  const makeToggles = (section) => {
    const charts = [...section.querySelectorAll(CHART)];
    const several = charts.filter((one) => one.querySelectorAll(".key").length > 1);
    if (!several.length || section.querySelector(".toggles")) return;
    const keys = new Map();
    for (const key of several.flatMap((one) => [...one.querySelectorAll(".key")])) {
      if (!keys.has(key.dataset.line)) keys.set(key.dataset.line, key);
    }
    const toggles = make("fieldset", { class: "toggles" }, make("legend", {}, "Lines"));
    for (const [name, key] of keys) {
      const box = make("input", { type: "checkbox", autocomplete: "off" });
      box.checked = !hidden.get(section.id)?.has(name);
      box.dataset.toggles = name;
      toggles.append(make("label", {}, box, swatch(key), make("bdi", {}, name)));
    }
    const first = charts[0].closest(".charts") ?? charts[0].closest("figure") ?? charts[0];
    first.before(toggles);
    hideLines(section);
  };
  document.addEventListener("change", (event) => {
    const name = event.target.dataset?.toggles;
    if (name === undefined) return;
    const section = event.target.closest("section");
    const names = hidden.get(section.id) ?? new Set();
    if (event.target.checked) names.delete(name);
    else names.add(name);
    hidden.set(section.id, names);
    hideLines(section);
    section.querySelectorAll(CHART).forEach((chart) => held.has(chart) && showAt(chart, held.get(chart).across));
  });

  // ------------------------------------------------------------------------- tables

  const TABLE = "table.sortable";
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    return (cell?.dataset.value ?? cell?.textContent ?? "").trim();
  };
  const numberOf = (text) => (text === "" ? NaN : Number(text.replaceAll(",", "").replace(/%$/, "")));
  const byText = new Intl.Collator("en", { numeric: true });

  const sort = (table, column, direction) => {
    const sign = direction === "ascending" ? 1 : -1;
    for (const body of table.tBodies) {
      const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
      const numbers = rows.map(([text]) => numberOf(text));
      const isNumeric = rows.every(([text], i) => !Number.isNaN(numbers[i]) || ["", "-", "nan", "NaN"].includes(text));
      const compare = ([a], [b]) => {
        if (!isNumeric) return (a === "") - (b === "") || sign * byText.compare(a, b);
        const [x, y] = [numberOf(a), numberOf(b)];
        return Number.isNaN(x) - Number.isNaN(y) || sign * (x - y) || 0;
      };
      body.append(...rows.sort(compare).map(([, row]) => row));
    }
    for (const head of table.tHead.rows[0].cells) head.removeAttribute("aria-sort");
    table.tHead.rows[0].cells[column].setAttribute("aria-sort", direction);
  };
  const prepareTable = (table) => {
    for (const head of table.tHead?.rows[0]?.cells ?? []) {
      if (head.querySelector("button") || !head.textContent.trim()) continue;
      head.replaceChildren(make("button", { type: "button" }, ...head.childNodes));
    }
    const chosen = sorted.get(nameOf(table, TABLE));
    if (chosen && chosen.column < table.tHead.rows[0].cells.length) sort(table, chosen.column, chosen.direction);
  };
  document.addEventListener("click", (event) => {
    const head = event.target.closest?.("table.sortable thead th");
    if (!head || !event.target.closest("button")) return;
    const direction = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
    const table = head.closest("table");
    sort(table, head.cellIndex, direction);
    sorted.set(nameOf(table, TABLE), { column: head.cellIndex, direction });
  });

  // ------------------------------------------------------------------------- all of it

  const FOCUSABLE = "a[href], button, input, summary, [tabindex]";
  document.addEventListener("focusin", (event) => {
    const section = event.target.closest("section");
    last = section && [section.id, [...section.querySelectorAll(FOCUSABLE)].indexOf(event.target)];
  });
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest?.(FOCUSABLE)) last = null;
  });

  const build = () => {
    document.querySelectorAll(CHART).forEach(prepareChart);
    document.querySelectorAll("section").forEach(makeToggles);
    document.querySelectorAll(TABLE).forEach(prepareTable);
  };
  const giveFocusBack = () => {
    if (!last || document.activeElement !== document.body) return;
    const section = document.getElementById(last[0]);
    section?.querySelectorAll(FOCUSABLE)[last[1]]?.focus({ preventScroll: true });
  };
  document.addEventListener("page:replaced", () => {
    build();
    document.querySelectorAll("section").forEach(hideLines);
    giveFocusBack();
  });
  build();
})();
