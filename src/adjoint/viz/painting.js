// Painting the view on the canvas, and colours by what was measured.

// What colours a box: 0 to 1, or null; and its text.
function measure(key) {
  const summary = (key[0] === "p" ? data.places : data.sums)[Number(key.slice(1))];
  return summary && summary[metric] !== undefined ? summary[metric] : null;
}

function heat(value) {
  if (value === null || metric === "kind") return null;
  if (typeof value === "string") return "bad";  // nan or inf
  const [low, high] = data.ranges[metric];
  if (value <= 0) return 0;
  if (metric === "norm") {
    if (high <= low) return 0.5;
    return Math.min(1, Math.max(0, Math.log(value / low) / Math.log(high / low)));
  }
  return Math.min(1, Math.sqrt(value / high));
}

function render() {
  const ratio = window.devicePixelRatio || 1, cw = canvas.clientWidth, ch = canvas.clientHeight;
  if (canvas.width !== Math.round(cw * ratio) || canvas.height !== Math.round(ch * ratio)) {
    canvas.width = Math.round(cw * ratio);
    canvas.height = Math.round(ch * ratio);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = colours.paper;
  pen.fillRect(0, 0, cw, ch);
  const s = view.scale;
  pen.setTransform(ratio * s, 0, 0, ratio * s, -view.x * s * ratio, -view.y * s * ratio);
  const seen = [view.x, view.y, view.x + cw / s, view.y + ch / s];
  const visible = ([x, y, w, h]) => (
    x < seen[2] && x + w > seen[0] && y < seen[3] && y + h > seen[1]);
  for (const [n, box] of drawing.opened) if (visible(box)) paintFrame("g" + n, box);
  paintLinks(seen);
  for (const [n, box] of drawing.closed) if (visible(box)) paintBox("g" + n, box);
  for (const [n, box] of drawing.places) if (visible(box)) paintBox("p" + n, box);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  paintTitles(visible);
}

function paintFrame(key, [x, y, w, h]) {
  pen.beginPath();
  pen.roundRect(x, y, w, h, 9);
  pen.fillStyle = colours.frame;
  pen.fill();
  const marked = key === selected || key === hovered;
  pen.strokeStyle = marked ? colours.accent : colours["frame-line"];
  pen.lineWidth = Math.max(marked ? 2 : 1, 0.7 / view.scale);
  pen.stroke();
}

function trace([x1, y1, leave, enter, x2, y2]) {
  pen.moveTo(x1, y1);
  if (x1 === x2) { pen.lineTo(x2, y2); return; }
  const turn = enter - 6, middle = (leave + turn) / 2;
  pen.lineTo(x1, leave);
  if (view.scale < 0.2) pen.lineTo(x2, turn);
  else pen.bezierCurveTo(x1, middle, x2, middle, x2, turn);
  pen.lineTo(x2, y2);
}

// The parts of links that lead to a place, followed upwards from frame to frame.
function partsTo(place) {
  const found = new Set();
  if (!drawing.places.has(place)) return found;
  if (!drawing.entering) {
    drawing.entering = new Map(drawing.segments.map((part) => [
      `${part.frame} ${part.v} ${part.source}`, part]));
  }
  const itemOf = (frame, kind, n) => (
    data.frames[frame].items.findIndex(([k, m]) => k === kind && m === n));
  for (const source of data.places[place].inputs) {
    let frame = data.places[place].home, item = itemOf(frame, PLACE, place);
    for (;;) {
      const part = drawing.entering.get(`${frame} ${item} ${source}`);
      if (!part) break;
      found.add(part);
      const [kind, n] = data.frames[frame].items[part.u];
      if (kind === BEND) item = part.u;
      else if (kind === ENTRY) [frame, item] = [data.groups[frame].parent, frame];
      else if (kind === GROUP && opened.has(n)) [frame, item] = [n, itemOf(n, EXIT, source)];
      else break;
      if (kind === ENTRY) item = itemOf(frame, GROUP, item);
    }
  }
  return found;
}

// An end of a link that is drawn in full when one of its ends is selected.
function stub(x, y, down) {
  pen.moveTo(x + 14, y);  // beside the other links
  pen.lineTo(x + 14, y + 9 * down);
  pen.arc(x + 14, y + 11 * down, 2, -Math.PI / 2 * down, 1.5 * Math.PI * down, down < 0);
}

function paintLinks(seen) {
  const chosen = selected && selected[0] === "p" ? Number(selected.slice(1)) : -1;
  const near = chosen >= 0 ? partsTo(chosen) : new Set();
  const kinds = { link: [], input: [], output: [] };
  for (const part of drawing.segments) {
    const [x1, y1, , , x2, y2] = part.at;
    if (y1 > seen[3] || y2 < seen[1]) continue;
    if (Math.min(x1, x2) > seen[2] || Math.max(x1, x2) < seen[0]) continue;
    kinds[part.source === chosen ? "output" : near.has(part) ? "input" : "link"].push(part);
  }
  pen.lineWidth = Math.max(1, 0.6 / view.scale);
  pen.strokeStyle = colours.far;
  pen.beginPath();
  for (const { at: [x1, y1, x2, y2], source, to } of drawing.far) {
    if (source === chosen || (to[0] === PLACE && to[1] === chosen)) {  // no dashes: they are slow
      pen.moveTo(x1, y1);
      pen.lineTo(x2, y2);
    } else {  // as stubs, or they would cover the rest
      if (x1 > seen[0] && x1 < seen[2] && y1 > seen[1] - 20 && y1 < seen[3]) stub(x1, y1, 1);
      if (x2 > seen[0] && x2 < seen[2] && y2 > seen[1] && y2 < seen[3] + 20) stub(x2, y2, -1);
    }
  }
  pen.stroke();
  for (const [kind, parts] of Object.entries(kinds)) {
    pen.strokeStyle = pen.fillStyle = colours[kind];
    if (kind !== "link") pen.lineWidth = Math.max(2, 1.2 / view.scale);
    for (let n = 0; n < parts.length; n += 400) {  // one path of thousands of curves is slow
      pen.beginPath();
      for (const part of parts.slice(n, n + 400)) trace(part.at);
      pen.stroke();
    }
    if (view.scale < 0.25) continue;
    pen.beginPath();
    for (const { at: [, , , , x, y], last } of parts) {
      if (!last) continue;
      pen.moveTo(x, y);
      pen.lineTo(x - 3.5, y - 7);
      pen.lineTo(x + 3.5, y - 7);
    }
    pen.fill();
  }
}

function paintBox(key, [x, y, w, h]) {
  const n = Number(key.slice(1)), isGroup = key[0] === "g", place = data.places[n];
  const value = measure(key), warm = heat(value);
  const kind = isGroup ? "module" : place.kind;
  pen.beginPath();
  if (view.scale < 0.2) pen.rect(x, y, w, h); else pen.roundRect(x, y, w, h, 7);
  pen.fillStyle = colours[kind];
  pen.fill();
  if (warm !== null) {
    pen.globalAlpha = warm === "bad" ? 1 : 0.08 + 0.92 * warm;
    pen.fillStyle = colours[warm === "bad" ? "bad" : "hot"];
    pen.fill();
    pen.globalAlpha = 1;
  }
  const found = isGroup ? data.groups[n].places.some((p) => matches.has(p)) : matches.has(n);
  const marked = key === selected || key === hovered || found;
  pen.strokeStyle = marked ? colours.accent : colours.box;
  pen.lineWidth = marked ? Math.max(key === selected ? 4 : 2, 1.5 / view.scale) : 1;
  if (marked || view.scale > 0.1) pen.stroke();
  if (view.scale < 0.42) return;
  const name = isGroup ? "▸ " + data.groups[n].label : place.label;
  let below = isGroup ? data.groups[n].below : place.shape;
  if (metric !== "kind" && value !== null) below = tell(metric, value);
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = colours.ink;
  pen.font = (isGroup ? "600 12px " : "12px ") + FONT;
  pen.fillText(name, x + w / 2, y + h / 2 - (below ? 7 : 0), w - 6);
  if (!below) return;
  pen.font = "11px " + FONT;
  pen.fillStyle = warm === null ? colours.small : colours.ink;
  pen.fillText(below, x + w / 2, y + h / 2 + 8, w - 6);
}

// Titles of open groups keep their size when they get small, where there is room.
function paintTitles(visible) {
  const taken = titles = [], s = view.scale;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  for (const [n, box] of drawing.opened) {
    if (!visible(box)) continue;
    const text = "▾ " + data.groups[n].label;
    const size = Math.min(13, Math.max(11, 12 * s));
    pen.font = `600 ${size}px ${FONT}`;
    const w = pen.measureText(text).width + 10, h = size + 6;
    const left = (box[0] - view.x) * s + 6 * Math.min(1, s);
    const end = (box[0] + box[2] - view.x) * s - w - 2;
    let x = Math.min(Math.max(left, 6), end);
    // A title stays in sight while the inside of its group is.
    const last = (box[1] + box[3] - view.y) * s - h - 2;
    const y = Math.min(Math.max((box[1] - view.y) * s + 4 * s, 2), last);
    const roomy = HEADER * s >= h - 4 || 4.5 * h < box[3] * s;  // else it would cover boxes
    if (w > box[2] * s - 4 || h > box[3] * s - 4 || !roomy) continue;
    for (const [a, b, c, d] of taken) {  // beside the titles of what is around it
      if (x < a + c && a < x + w && y < b + d && b < y + h) x = a + c + 3;
    }
    if (x > end) continue;
    taken.push([x, y, w, h, n]);
    pen.globalAlpha = 0.88;
    pen.fillStyle = colours.paper;
    pen.beginPath();
    pen.roundRect(x, y, w, h, 5);
    pen.fill();
    pen.globalAlpha = 1;
    pen.fillStyle = "g" + n === hovered ? colours.accent : colours.small;
    pen.fillText(text, x + 5, y + h / 2);
  }
}
