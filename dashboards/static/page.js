// Draws the charts of a page from the data in it, without making a function from text: the policy forbids that.
"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const views = [];
  const tip = document.body.appendChild(Object.assign(document.createElement("div"), { className: "tip", hidden: true }));

  function color(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  // Vega's colours are those of the style sheet, so that both have one palette.
  function config(width) {
    const text = color("--text"), faint = color("--faint"), grid = color("--grid");
    const category = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => color(`--series-${number}`));
    return {
      background: "transparent",
      font: "system-ui, sans-serif",
      view: { stroke: null },
      axis: { labelColor: faint, titleColor: faint, titleFontWeight: "normal", gridColor: grid, domainColor: grid, tickColor: grid, labelFontSize: 11, titleFontSize: 11 },
      axisX: { grid: false, labelOverlap: "greedy" },
      axisY: { domain: false, ticks: false, tickCount: 5 },
      legend: { labelColor: text, titleColor: faint, orient: "top", labelFontSize: 11, title: null, columns: Math.max(1, Math.floor((width - 60) / 150)), labelLimit: 130, symbolType: "square" },
      header: { labelColor: text, title: null, labelFontSize: 11 },
      title: { color: text },
      text: { color: text, fontSize: 11 },
      rule: { color: faint },
      mark: { color: category[0] },
      line: { strokeWidth: 2 },
      range: {
        category,
        heatmap: [color("--heat-low"), color("--heat-high")],
        ramp: [color("--heat-low"), color("--heat-high")],
        diverging: [color("--series-2"), color("--surface"), color("--series-1")],
      },
    };
  }

  // Mondays to be named at an axis; Vega itself would name Sundays.
  function weeks(rows, width) {
    const found = rows.map((row) => row.week).sort();
    const last = new Date(found[found.length - 1]);
    const all = [];
    for (const day = new Date(found[0]); day <= last; day.setDate(day.getDate() + 7)) {
      all.push({ year: day.getFullYear(), month: day.getMonth() + 1, date: day.getDate() });
    }
    const every = Math.ceil(all.length / Math.max(1, Math.floor((width - 60) / 55)));
    return all.filter((_, place) => place % every === 0);
  }

  // `$currency` in a specification is the currency of the rows, `$series-1` a colour of the style sheet.
  function filled(part, rows, width) {
    if (part === "$currency") return rows[0].currency;
    if (part === "$weeks") return weeks(rows, width);
    if (typeof part === "string" && part.startsWith("$")) return color(`--${part.slice(1)}`);
    if (Array.isArray(part)) return part.map((one) => filled(one, rows, width));
    if (part === null || typeof part !== "object") return part;
    return Object.fromEntries(Object.entries(part).map(([name, one]) => [name, filled(one, rows, width)]));
  }

  function show(_handler, event, _item, value) {
    if (value === null || value === undefined || value === "") {
      tip.hidden = true;
      return;
    }
    tip.replaceChildren();
    for (const [name, said] of Object.entries(typeof value === "object" ? value : { "": value })) {
      tip.append(Object.assign(document.createElement("span"), { textContent: name }));
      tip.append(Object.assign(document.createElement("b"), { textContent: said }));
    }
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const top = event.clientY + tip.offsetHeight + 24 > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 14;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${top}px`;
  }

  async function draw(place) {
    const { specification, columns, rows: cells } = charts[place.dataset.chart];
    const rows = cells.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));
    const description = document.getElementById(`title-${place.dataset.chart}`).textContent;
    const size = { width: "container", height: 220, autosize: { type: "fit-x", contains: "padding" } };
    // Rows of a heat map have one height; Vega-Lite would count them itself, and warn.
    const step = specification.height?.step;
    if (step) size.height = step * new Set(rows.map((row) => row[specification.encoding.y.field])).size;
    const whole = { description, ...size, ...filled(specification, rows, place.clientWidth), ...(step ? size : {}), data: { values: rows } };
    const compiled = vegaLite.compile(whole, { config: config(place.clientWidth) }).spec;
    const view = new vega.View(vega.parse(compiled, null, { ast: true }), {
      expr: vega.expressionInterpreter,
      renderer: "svg",
      container: place,
      hover: false,
      logLevel: vega.Warn,
      tooltip: show,
    });
    await view.runAsync();
    views.push(view);
    place.removeAttribute("aria-busy");
  }

  async function drawAll() {
    for (const view of views.splice(0)) view.finalize();
    for (const place of document.querySelectorAll("[data-chart]")) {
      place.replaceChildren();
      try {
        await draw(place);
      } catch (error) {
        console.error(error);
        place.removeAttribute("aria-busy");
        place.replaceChildren(Object.assign(document.createElement("p"), {
          className: "state error", textContent: "This chart could not be drawn; its data is below.",
        }));
      }
    }
    document.documentElement.dataset.drawn = String(views.length);
  }

  // Rows below a row are read when it is opened; the server has escaped every text in them.
  async function unfold(event) {
    const row = event.target;
    if (!row.open || !row.dataset.more) return;
    const address = row.dataset.more;
    delete row.dataset.more;
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`${address} is answered with ${answer.status}`);
      const part = new DOMParser().parseFromString(await answer.text(), "text/html");
      row.lastElementChild.replaceWith(...part.body.children);
    } catch (error) {
      row.dataset.more = address;
      row.lastElementChild.textContent = "The rows could not be read; is `workledger look` still running?";
    }
  }

  document.addEventListener("toggle", unfold, true);
  dark.addEventListener("change", drawAll);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") tip.hidden = true; });
  drawAll();
})();
