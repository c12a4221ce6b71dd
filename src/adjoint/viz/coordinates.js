// Coordinates of a layout, the same as coordinates.py has; see there for how and why.
const HEIGHT = 38, HEADER = 26, PADDING = 14, GAP_X = 18, GAP_BEND = 10, GAP_Y = 26, SWEEPS = 8;
const PLACE = 0, GROUP = 1, ENTRY = 2, EXIT = 3, BEND = 4;

// The drawing with these groups open: boxes of places, of closed and open groups, parts of links.
function arrange(data, opened) {
  const order = [], stack = [-1], inside = new Map();
  while (stack.length) {
    const number = stack.pop();
    order.push(number);
    for (const [kind, n] of data.frames[number].items) {
      if (kind === GROUP && opened.has(n)) stack.push(n);
    }
  }
  for (const number of [...order].reverse()) {
    inside.set(number, arrangeFrame(data, number, inside));
  }
  const result = { places: new Map(), closed: new Map(), opened: new Map(), segments: [], far: [] };
  result.size = inside.get(-1).size;
  const origin = new Map([[-1, [0, 0]]]);
  for (const number of order) placeFrame(data.frames[number], number, inside, origin, result);
  return result;
}

function arrangeFrame(data, number, inside) {
  const frame = data.frames[number];
  const found = {
    width: [], height: [], top: [], bottom: [], entries: new Map(), exits: new Map(),
  };
  for (const [kind, n] of frame.items) {
    let size = [0, 0];
    if (kind === PLACE) size = [data.widths[0][n], HEIGHT];
    if (kind === GROUP) size = inside.has(n) ? inside.get(n).size : [data.widths[1][n], HEIGHT];
    found.width.push(size[0]);
    found.height.push(size[1]);
  }
  const offsets = frame.links.map((link) => [
    port(frame, link[0], link[1], inside, "exits"),
    port(frame, link[2], link[3], inside, "entries"),
  ]);
  spread(data, frame, found, offsets);
  stackRows(frame, number, found, offsets, number < 0 ? 0 : data.widths[2][number]);
  return found;
}

function port(frame, item, source, inside, side) {
  const [kind, n] = frame.items[item];
  if (kind !== GROUP || !inside.has(n)) return 0;
  const box = inside.get(n);
  return box[side].get(source) - box.size[0] / 2;
}

function spread(data, frame, found, offsets) {
  const { items, rows, links } = frame;
  const x = found.x = new Array(items.length).fill(0);
  const above = items.map(() => []), below = items.map(() => []);
  links.forEach(([u, , v, , source], n) => {
    let weight = [1, 0.2, 8][(items[u][0] === BEND) + (items[v][0] === BEND)];
    if (data.places[source].kind === "leaf") weight *= 0.01;
    const shift = offsets[n][0] - offsets[n][1];
    above[v].push([u, shift, weight]);
    below[u].push([v, -shift, weight]);
  });
  const gaps = rows.map((row) => {
    const steps = [0];
    for (let n = 1; n < row.length; n++) {
      const a = row[n - 1], b = row[n];
      const bend = items[a][0] >= ENTRY || items[b][0] >= ENTRY;
      steps.push(steps[n - 1] + (found.width[a] + found.width[b]) / 2 + (bend ? GAP_BEND : GAP_X));
    }
    row.forEach((i, n) => { x[i] = steps[n] - steps[steps.length - 1] / 2; });
    return steps;
  });
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    if (sweep % 2 === 0) for (let r = 0; r < rows.length; r++) pull(rows[r], gaps[r], x, above);
    else for (let r = rows.length - 1; r >= 0; r--) pull(rows[r], gaps[r], x, below);
  }
  const around = above.map((list, i) => list.concat(below[i]));
  rows.forEach((row, r) => pull(row, gaps[r], x, around));
  rows.forEach((row, r) => straighten(items, row, gaps[r], x, above));
}

// Put bends right below where their links come from, as far as their neighbours let them.
function straighten(items, row, steps, x, above) {
  row.forEach((i, n) => {
    if (items[i][0] !== BEND) return;
    const [j, offset] = above[i][0];
    let wanted = x[j] + offset;
    if (n > 0) wanted = Math.max(wanted, x[row[n - 1]] + steps[n] - steps[n - 1]);
    if (n < row.length - 1) wanted = Math.min(wanted, x[row[n + 1]] - steps[n + 1] + steps[n]);
    x[i] = wanted;
  });
}

// Move a row to where its links want it, by pooling neighbours that would overlap.
function pull(row, steps, x, beside) {
  const pools = [];
  row.forEach((i, n) => {
    let total = 0, weight = 0, size = 1;
    for (const [j, offset, w] of beside[i]) { total += w * (x[j] + offset); weight += w; }
    if (weight === 0) { total = 0.05 * x[i]; weight = 0.05; }
    total -= weight * steps[n];
    while (pools.length) {
      const before = pools[pools.length - 1];
      if (before[0] * weight < total * before[1]) break;
      pools.pop();
      total += before[0]; weight += before[1]; size += before[2];
    }
    pools.push([total, weight, size]);
  });
  let n = 0;
  for (const [total, weight, size] of pools) {
    for (let k = 0; k < size; k++, n++) x[row[n]] = total / weight + steps[n];
  }
}

function stackRows(frame, number, found, offsets, least) {
  const { items, rows, links, layer } = frame, x = found.x;
  let left = Infinity, right = -Infinity;
  x.forEach((at, i) => {
    left = Math.min(left, at - found.width[i] / 2);
    right = Math.max(right, at + found.width[i] / 2);
  });
  if (!x.length) left = right = 0;
  const spare = Math.max(0, least - (right - left) - 2 * PADDING) / 2;
  for (let i = 0; i < x.length; i++) x[i] += PADDING + spare - left;
  const reach = new Array(rows.length).fill(0);
  links.forEach(([u, , v], n) => {
    reach[layer[u]] = Math.max(
      reach[layer[u]], Math.abs(x[u] + offsets[n][0] - x[v] - offsets[n][1]));
  });
  const kindOf = (row) => items[row[0]][0];
  const enters = rows.length > 0 && kindOf(rows[0]) === ENTRY;
  let y = enters ? 0 : number < 0 ? PADDING : HEADER + 4;
  rows.forEach((row, n) => {
    found.top.push(y);
    y += Math.max(...row.map((i) => found.height[i]));
    found.bottom.push(y);
    if (n === rows.length - 1) return;
    y += GAP_Y + Math.min(60, 0.05 * reach[n]);
    if (n === 0 && enters) y = Math.max(y, HEADER + 16);
  });
  const exits = rows.length > 0 && kindOf(rows[rows.length - 1]) === EXIT;
  found.size = [right - left + 2 * (PADDING + spare), exits ? y : y + PADDING];
  items.forEach(([kind, n], i) => {
    if (kind === ENTRY) found.entries.set(n, x[i]);
    if (kind === EXIT) found.exits.set(n, x[i]);
  });
}

function placeFrame(frame, number, inside, origin, result) {
  const here = inside.get(number), [ox, oy] = origin.get(number);
  const { items, layer } = frame;
  const tops = items.map(([kind, n], i) => {
    const row = layer[i], space = here.bottom[row] - here.top[row] - here.height[i];
    const top = oy + here.top[row] + space / 2;
    const box = [ox + here.x[i] - here.width[i] / 2, top, here.width[i], here.height[i]];
    if (kind === PLACE) result.places.set(n, box);
    if (kind === GROUP) {
      (inside.has(n) ? result.opened : result.closed).set(n, box);
      origin.set(n, [box[0], box[1]]);
    }
    return top;
  });
  const ends = ([u, above, v, below]) => [
    ox + here.x[u] + port(frame, u, above, inside, "exits"),
    ox + here.x[v] + port(frame, v, below, inside, "entries"),
  ];
  for (const link of frame.links) {
    const [u, , v, , source] = link, [x1, x2] = ends(link);
    const leave = oy + here.bottom[layer[u]], enter = oy + here.top[layer[v]];
    const y1 = items[u][0] === BEND ? oy + here.top[layer[u]] : tops[u] + here.height[u];
    const y2 = items[v][0] === BEND ? enter : tops[v];
    const last = items[v][0] === PLACE || (items[v][0] === GROUP && !inside.has(items[v][1]));
    result.segments.push({ at: [x1, y1, leave, enter, x2, y2], last, source, frame: number, u, v });
  }
  for (const link of frame.far) {
    const [u, , v, , source] = link, [x1, x2] = ends(link);
    result.far.push({ at: [x1, tops[u] + here.height[u], x2, tops[v]], source, to: items[v] });
  }
}
