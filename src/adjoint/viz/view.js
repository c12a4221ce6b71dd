// The view: what is open, and where the window looks.
const canvas = document.querySelector("canvas"), pen = canvas.getContext("2d");
const panel = document.getElementById("panel");
const view = { x: 0, y: 0, scale: 1 };  // of the drawing's point at the window's upper left corner
const opened = new Set();
let drawing = null;
let selected = null;   // "p12" a place, "g3" a group
let hovered = null;
let matches = new Set();  // places that the search found
let metric = "kind";
let painting = false;
let titles = [];       // of open groups, as painted: x, y, width, height in the window, group
let fresh = true;      // nobody has looked elsewhere yet
let colours = {};

const FONT = "Helvetica, Arial, sans-serif";
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function readColours() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["paper", "ink", "small", "link", "far", "box", "operation", "leaf", "root",
    "module", "frame", "frame-line", "accent", "input", "output", "hot", "bad"]) {
    colours[name] = style.getPropertyValue("--" + name).trim();
  }
}

function relayout() {
  drawing = arrange(data, opened);
  paint();
}

function paint() {
  if (painting) return;
  painting = true;
  requestAnimationFrame(() => { painting = false; render(); });
}

// The groups around a place or group, outermost first.
function groupsAround(group) {
  const found = [];
  for (; group >= 0; group = data.groups[group].parent) found.unshift(group);
  return found;
}

// The box that stands for a place now: its own, or that of the outermost closed group around it.
function standIn(place) {
  for (const group of groupsAround(data.places[place].home)) {
    if (!opened.has(group)) return "g" + group;
  }
  return "p" + place;
}

function boxOf(key) {
  const n = Number(key.slice(1));
  if (key[0] === "p") return drawing.places.get(n);
  return drawing.closed.get(n) || drawing.opened.get(n);
}

function toggle(group) {
  const before = boxOf("g" + group);
  if (opened.has(group)) opened.delete(group); else opened.add(group);
  drawing = arrange(data, opened);
  const after = boxOf("g" + group);
  if (before && after) {  // the title stays where the hand is
    view.x += after[0] + after[2] / 2 - before[0] - before[2] / 2;
    view.y += after[1] - before[1];
  }
  paint();
}

function openAll() { data.drawn.forEach((g) => opened.add(g)); relayout(); lookAtStart(); }

function closeAll() { opened.clear(); openSome(1); relayout(); fit(); }

// Open groups level by level, as long as there is room for `limit` boxes; what is around all of it
// is always open.
function openSome(limit) {
  let shown = data.frames[-1].items.length;
  let level = data.drawn.filter((g) => data.groups[g].parent < 0);
  while (level.length) {
    const inside = level.flatMap((g) => data.frames[g].items.filter(([kind]) => kind <= GROUP));
    if (shown + inside.length > limit && (opened.size || level.length > 1)) break;
    shown += inside.length;
    level.forEach((g) => opened.add(g));
    level = inside.filter(([kind]) => kind === GROUP).map(([, g]) => g);
  }
}

function reveal(place) {
  let changed = false;
  for (const group of groupsAround(data.places[place].home)) {
    if (!opened.has(group)) { opened.add(group); changed = true; }
  }
  if (changed) drawing = arrange(data, opened);
  centre("p" + place);
}

function centre(key) {
  fresh = false;
  const [x, y, w, h] = boxOf(key);
  if (view.scale < 0.6) view.scale = 0.9;
  // The panel is beside the drawing, or in a narrow window below it.
  const below = panel.offsetWidth >= canvas.clientWidth;
  const right = panel.hidden || below ? 0 : panel.offsetWidth;
  const bottom = panel.hidden || !below ? 0 : panel.offsetHeight;
  view.x = x + w / 2 - (canvas.clientWidth - right) / 2 / view.scale;
  view.y = y + h / 2 - (canvas.clientHeight - bottom) / 2 / view.scale;
  paint();
}

function fit() {
  fresh = false;
  const [w, h] = drawing.size, cw = canvas.clientWidth, ch = canvas.clientHeight;
  view.scale = Math.min(1.25, cw / w, ch / h);
  view.x = w / 2 - cw / 2 / view.scale;
  view.y = h / 2 - ch / 2 / view.scale;
  paint();
}

// At first: all of it when it can be read so, else its top.
function lookAtStart() {
  fit();
  fresh = true;
  if (view.scale >= 0.5) return;
  const cw = canvas.clientWidth, w = drawing.size[0];
  view.scale = Math.min(1, Math.max(0.6, cw / w));
  const first = data.places.findIndex((p, i) => p.kind === "root" && drawing.places.has(i));
  const box = first < 0 ? [w / 2, 0, 0, 0] : drawing.places.get(first);
  view.x = box[0] + box[2] / 2 - cw / 2 / view.scale;
  view.y = drawing.size[1] - canvas.clientHeight / view.scale;
}

function zoomAt(factor, px, py) {
  fresh = false;
  const scale = Math.min(4, Math.max(0.01, view.scale * factor));
  view.x += px / view.scale - px / scale;
  view.y += py / view.scale - py / scale;
  view.scale = scale;
  paint();
}

function titleAt(px, py) {
  const found = titles.find(([x, y, w, h]) => px >= x && px <= x + w && py >= y && py <= y + h);
  return found ? "g" + found[4] : null;
}

function boxAt(px, py) {
  const title = titleAt(px, py);
  if (title !== null) return title;
  const x = px / view.scale + view.x, y = py / view.scale + view.y;
  const within = ([left, top, w, h]) => x >= left && x <= left + w && y >= top && y <= top + h;
  for (const [n, box] of drawing.places) if (within(box)) return "p" + n;
  for (const [n, box] of drawing.closed) if (within(box)) return "g" + n;
  let found = null;
  for (const [n, box] of drawing.opened) if (within(box)) found = "g" + n;  // inner ones come last
  return found;
}
