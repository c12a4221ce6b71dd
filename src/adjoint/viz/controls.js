// What the user does: mouse, keyboard, search, details; and the start.
const tip = document.getElementById("tip");
const search = document.getElementById("search"), hits = document.getElementById("hits");
const NAMES = { saved: "saved", forward: "forward", backward: "backward", norm: "gradient norm" };
let found = [], current = -1;

function tell(what, value) {
  if (typeof value === "string") return value;
  if (what === "saved") return tellBytes(value);
  if (what === "norm") return String(Number(value.toPrecision(4)));
  return tellMs(value);
}

function tellBytes(size) {
  for (const unit of ["B", "KB", "MB"]) {
    if (size < 1024) return (unit === "B" ? size : size.toFixed(1)) + " " + unit;
    size /= 1024;
  }
  return size.toFixed(1) + " GB";
}

function tellMs(ms) {
  if (ms < 0.1) return ms.toFixed(3) + " ms";
  return (ms < 1000 ? Number(ms.toPrecision(3)) : Math.round(ms)) + " ms";
}

function element(tag, text, parent, className) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  parent.appendChild(made);
  return made;
}

// Rows of (what, text) about a box: for the tip and for the panel.
function facts(key) {
  const n = Number(key.slice(1)), rows = [];
  if (key[0] === "g") {
    const group = data.groups[n];
    rows.push(["module", group.path], ["type", group.type]);
    rows.push(["inside", `${group.places.length} nodes`]);
  } else {
    const place = data.places[n];
    if (place.shape) rows.push(["shape", place.shape], ["dtype", place.dtype]);
    if (place.path) rows.push(["module", place.path]);
    if (place.line >= 0) {
      const [file, number, where, text] = data.lines[place.line];
      rows.push(["line", `${file}:${number}` + (where === "<module>" ? "" : `, in ${where}`)]);
      if (text) rows.push(["code", text]);
    }
  }
  const values = key[0] === "g" ? data.sums[n] : data.places[n];
  for (const what of ["saved", "forward", "backward", "norm"]) {
    if (values[what] === undefined || (what === "saved" && !values[what])) continue;
    const label = key[0] === "g" && what === "norm" ? "largest norm" : NAMES[what];
    rows.push([label, tell(what, values[what])]);
  }
  return rows;
}

// What colours mean: kinds of boxes, or the range of what was measured.
function paintLegend() {
  const legend = document.getElementById("legend");
  legend.replaceChildren();
  if (metric === "kind") {
    const shown = { operation: "operation", leaf: "leaf, parameter", root: "result" };
    if (data.drawn.length) shown.module = "closed module";
    for (const [kind, text] of Object.entries(shown)) {
      element("i", "", legend, "chip").style.background = `var(--${kind})`;
      element("span", text, legend);
    }
    return;
  }
  const [low, high] = data.ranges[metric];
  element("span", NAMES[metric] + ":", legend);
  element("span", metric === "norm" ? "≤ " + tell(metric, low) : "0", legend);
  element("i", "", legend, "scale");
  element("span", "≥ " + tell(metric, high), legend);
  element("i", "", legend, "chip").style.background = "var(--bad)";
  element("span", "nan, inf", legend);
}

function titleOf(key) {
  const n = Number(key.slice(1));
  return key[0] === "g" ? data.groups[n].name : data.places[n].name;
}

function showTip(key, px, py) {
  tip.hidden = key === null;
  if (key === null) return;
  tip.replaceChildren();
  element("b", titleOf(key), tip);
  for (const [what, text] of facts(key)) {
    const row = element("div", "", tip);
    element("span", what, row);
    element(what === "code" ? "code" : "i", text, row);
  }
  if (key[0] === "g") {
    element("small", opened.has(Number(key.slice(1))) ? "click to close" : "click to open", tip);
  }
  const left = px + 16 + tip.offsetWidth > innerWidth ? px - tip.offsetWidth - 12 : px + 16;
  const top = Math.min(py + 14, innerHeight - tip.offsetHeight - 8);
  tip.style.left = Math.max(4, left) + "px";
  tip.style.top = Math.max(4, top) + "px";
}

function select(key) {
  selected = key;
  panel.hidden = key === null;
  paint();
  if (key === null) return;
  panel.replaceChildren();
  const close = element("button", "×", panel, "close");
  close.title = "Close (Esc)";
  close.onclick = () => select(null);
  element("h2", titleOf(key), panel);
  const list = element("dl", "", panel);
  for (const [what, text] of facts(key)) {
    element("dt", what, list);
    element("dd", text, list, what === "code" ? "code" : "");
  }
  if (key[0] === "g") return;
  const n = Number(key.slice(1)), place = data.places[n];
  if (place.kept.length) {
    element("h3", "Saved for backward", panel);
    const kept = element("ul", "", panel);
    for (const text of place.kept) element("li", text, kept);
  }
  linkList("Inputs", [...new Set(place.inputs)]);
  linkList("Used by", users[n]);
}

function linkList(title, places) {
  if (!places.length) return;
  element("h3", title, panel);
  const list = element("ul", "", panel);
  for (const p of places.slice(0, 200)) {
    const button = element("button", data.places[p].name, element("li", "", list));
    button.onclick = () => { select("p" + p); reveal(p); };
  }
}

function lookFor(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  found = [];
  if (words.length) {
    data.places.forEach((place, n) => {
      if (words.every((word) => haystack[n].includes(word))) found.push(n);
    });
  }
  matches = new Set(found);
  current = -1;
  tellHits();
  paint();
}

function tellHits() {
  hits.textContent = !search.value.trim() ? ""
    : current < 0 ? `${found.length} found` : `${current + 1} of ${found.length}`;
}

function step(by) {
  if (!found.length) return;
  current = (current + by + found.length + (current < 0 && by < 0 ? 1 : 0)) % found.length;
  tellHits();
  select("p" + found[current]);
  reveal(found[current]);
}

function escape() {
  if (search.value) { search.value = ""; lookFor(""); }
  search.blur();
  showTip(null);
  select(null);
}

function zoomBy(factor) { zoomAt(factor, canvas.clientWidth / 2, canvas.clientHeight / 2); }

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") { escape(); return; }
  if (event.target === search) {
    if (event.key === "Enter") { step(event.shiftKey ? -1 : 1); event.preventDefault(); }
    return;
  }
  if (event.target.tagName === "SELECT") return;
  const far = 80 / view.scale;
  const actions = {
    "/": () => { search.focus(); search.select(); },
    "+": () => zoomBy(1.25), "=": () => zoomBy(1.25), "-": () => zoomBy(0.8),
    0: fit, f: fit, e: openAll, c: closeAll, n: () => step(1), N: () => step(-1),
    ArrowLeft: () => { view.x -= far; paint(); }, ArrowRight: () => { view.x += far; paint(); },
    ArrowUp: () => { view.y -= far; paint(); }, ArrowDown: () => { view.y += far; paint(); },
  };
  if (!Object.hasOwn(actions, event.key)) return;
  event.preventDefault();
  actions[event.key]();
}

const pointers = new Map();
let moved = 0, pinch = 0;

function pointerDown(event) {
  pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  moved = 0;
  pinch = 0;
  if (event.isTrusted) canvas.setPointerCapture(event.pointerId);
}

function pointerMove(event) {
  const before = pointers.get(event.pointerId);
  if (!before) {
    const key = boxAt(event.offsetX, event.offsetY);
    if (key !== hovered) { hovered = key; paint(); }
    canvas.style.cursor = key === null ? "grab" : "pointer";
    // An open group tells of itself by its title only; its inside is where one moves.
    const title = key !== null && key[0] === "g" && opened.has(Number(key.slice(1)));
    showTip(title && !overTitle(key, event) ? null : key, event.clientX, event.clientY);
    return;
  }
  const dx = event.offsetX - before[0], dy = event.offsetY - before[1];
  moved += Math.abs(dx) + Math.abs(dy);
  pointers.set(event.pointerId, [event.offsetX, event.offsetY]);
  if (pointers.size === 2) {
    const [[ax, ay], [bx, by]] = [...pointers.values()];
    const apart = Math.hypot(ax - bx, ay - by);
    if (pinch) zoomAt(apart / pinch, (ax + bx) / 2, (ay + by) / 2);
    pinch = apart;
  } else {
    view.x -= dx / view.scale;
    view.y -= dy / view.scale;
    showTip(null);
    paint();
  }
}

function overTitle(key, event) {
  if (titleAt(event.offsetX, event.offsetY) === key) return true;
  const top = (boxOf(key)[1] - view.y) * view.scale;
  return event.offsetY < top + Math.max(HEADER * view.scale, 12);
}

function pointerUp(event) {
  pointers.delete(event.pointerId);
  if (moved > 4) return;
  const key = boxAt(event.offsetX, event.offsetY);
  if (key === null) { select(null); return; }
  if (key[0] === "p") { select(key); return; }
  const group = Number(key.slice(1));
  if (opened.has(group) && !overTitle(key, event)) { select(null); return; }
  showTip(null);
  toggle(group);
}

function wheel(event) {
  event.preventDefault();
  showTip(null);
  const lines = event.deltaMode === 1 ? 16 : 1;
  const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015));
  zoomAt(factor, event.offsetX, event.offsetY);
}

const users = data.places.map(() => []);
data.places.forEach((place, n) => new Set(place.inputs).forEach((i) => users[i].push(n)));
const haystack = data.places.map((p) => [p.name, p.path, p.shape, p.dtype,
  p.line < 0 ? "" : data.lines[p.line].join(" ")].join(" ").toLowerCase());

function start() {
  readColours();
  dark.addEventListener("change", () => { readColours(); paint(); });
  canvas.addEventListener("pointerdown", pointerDown);
  canvas.addEventListener("pointermove", pointerMove);
  canvas.addEventListener("pointerup", pointerUp);
  canvas.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => { hovered = null; showTip(null); paint(); });
  canvas.addEventListener("wheel", wheel, { passive: false });
  document.addEventListener("keydown", press);
  search.addEventListener("input", () => lookFor(search.value));
  new ResizeObserver(() => { if (fresh) lookAtStart(); paint(); }).observe(canvas);
  for (const act of ["pointerdown", "wheel", "keydown"]) {
    document.addEventListener(act, () => { fresh = false; }, { capture: true, passive: true });
  }
  const on = (id, action) => { document.getElementById(id).onclick = action; };
  on("in", () => zoomBy(1.25));
  on("out", () => zoomBy(0.8));
  on("fit", fit);
  on("open", openAll);
  on("close", closeAll);
  for (const id of ["open", "close"]) document.getElementById(id).hidden = !data.drawn.length;
  const choice = document.getElementById("metric");
  for (const what of Object.keys(data.ranges)) {
    element("option", NAMES[what], choice).value = what;
  }
  choice.hidden = choice.options.length < 2;
  choice.onchange = () => { metric = choice.value; paintLegend(); paint(); };
  paintLegend();
  openSome(150);
  relayout();
  lookAtStart();
}

start();
window.graphView = { data, view, opened, arrange, toggle, openAll, closeAll, fit, zoomAt, lookFor,
  step, select, reveal, render, boxAt, boxOf, standIn, showTip, press, drawing: () => drawing,
  state: () => ({ selected, hovered, found, current, metric }) };
