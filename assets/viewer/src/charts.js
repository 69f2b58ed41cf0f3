// Small charts drawn as SVG in the page's own colours, and a heat map on a canvas.
import { make } from "./controls.js";
import { watchTheme } from "./theme.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 320; // of the drawing's own units; the page scales it
const HEIGHT = 96;
const PAD = { left: 4, right: 4, top: 8, bottom: 4 };

export function svg(tag, attributes = {}) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** A line chart: {title, tip, x: [], curves: [{name, tip, y: []}], dots: [[x, y]], limit}. */
export function lineChart({ title, tip, x, curves, dots = [], limit = null }) {
  const box = make("figure", "es-chart");
  box.title = tip;
  const head = make("figcaption", "es-chart-head");
  head.append(make("span", "es-chart-title", title));
  const values = [...curves.flatMap((curve) => curve.y), ...dots.map((dot) => dot[1]), limit];
  const known = values.filter((value) => value !== null);
  if (!known.length || !x.length || curves[0].y.every((value) => value === null)) {
    box.append(head, make("p", "es-chart-none", "no value yet"));
    return box;
  }
  const range = spread(known);
  const last = curves[0].y.findLast((value) => value !== null) ?? null;
  head.append(make("span", "es-chart-now", short(last)));
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img",
    "aria-label": `${title}: from ${short(curves[0].y.find((y) => y !== null))} to ${short(last)}`,
  });
  const place = placer(x, dots, range);
  curves.forEach((curve, i) => drawing.append(svg("polyline", {
    points: points(x, curve.y, place), class: `es-curve es-curve-${i}`,
    "vector-effect": "non-scaling-stroke",
  })));
  if (limit !== null) {
    const y = place(x[0], limit)[1];
    drawing.append(svg("line", {
      x1: 0, x2: WIDTH, y1: y, y2: y, class: "es-chart-limit", "vector-effect": "non-scaling-stroke",
    }));
  }
  for (const [at, y] of dots) {
    const [cx, cy] = place(at, y);
    drawing.append(svg("line", {
      x1: cx, x2: cx, y1: cy, y2: cy, class: "es-dot-mark", "vector-effect": "non-scaling-stroke",
    }));
  }
  const frame = make("div", "es-chart-frame");
  frame.append(make("span", "es-chart-high", short(range[1])), make("span", "es-chart-low", short(range[0])));
  frame.append(drawing);
  box.append(head, frame);
  if (curves.length > 1 || dots.length) box.append(legend(curves, dots.length > 0));
  return box;
}

function legend(curves, dotted) {
  const list = make("ul", "es-legend");
  list.append(...curves.map(({ name, tip }, i) => {
    const item = make("li", `es-key es-key-${i}`, name);
    item.title = tip;
    return item;
  }));
  if (dotted) list.append(make("li", "es-key es-key-dot", "watched prompts"));
  return list;
}

function placer(x, dots, [low, high]) {
  const all = [...x, ...dots.map((dot) => dot[0])];
  const first = Math.min(...all);
  const width = Math.max(...all) - first || 1;
  return (at, y) => [
    PAD.left + ((at - first) / width) * (WIDTH - PAD.left - PAD.right),
    PAD.top + (1 - (y - low) / (high - low)) * (HEIGHT - PAD.top - PAD.bottom),
  ].map((value) => Math.round(value * 10) / 10);
}

function points(x, y, place) {
  return x.map((at, i) => (y[i] === null ? null : place(at, y[i]).join(","))).filter(Boolean).join(" ");
}

/** Lowest and highest with a little air, never equal. */
function spread(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const air = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  return [low - air, high + air];
}

export function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size !== 0 && size < 0.01) return value.toExponential(0);
  return value.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0);
}

/** Reward over denoising step x time; a switch between the reward itself and what each step gained. */
export class HeatMap {
  constructor() {
    this.box = make("figure", "es-chart es-heat");
    this.box.title = "Rows are denoising steps, the noisiest on top; columns are time.";
    this.gains = false;
    const head = make("figcaption", "es-chart-head");
    this.toggle = make("button", "es-heat-switch");
    this.toggle.type = "button";
    this.toggle.addEventListener("click", () => { this.gains = !this.gains; this.draw(); });
    head.append(make("span", "es-chart-title", "Reward by denoising step"), this.toggle);
    this.canvas = make("canvas", "es-heat-canvas");
    this.canvas.setAttribute("role", "img");
    const frame = make("div", "es-heat-frame");
    frame.append(make("span", "es-heat-top", "noise"), make("span", "es-heat-end", "motion"), this.canvas);
    this.words = make("p", "es-heat-words");
    this.box.append(head, frame, this.words);
    watchTheme(() => this.draw());
  }

  show(heat) {
    this.heat = heat;
    this.box.hidden = !heat;
    if (heat) this.draw();
  }

  draw() {
    if (!this.heat) return;
    const rows = this.heat.rows.map((row) => (this.gains ? gained(row) : row));
    const columns = rows[0].length;
    this.toggle.textContent = this.gains ? "Show reward" : "Show gains";
    Object.assign(this.canvas, { width: columns, height: rows.length });
    const all = rows.flat().filter((value) => value !== null);
    const most = this.gains ? Math.max(1e-9, ...all.map(Math.abs)) : Math.max(...all);
    const least = this.gains ? -most : Math.min(...all);
    this.paint(rows, least, most);
    const range = `${short(least)} to ${short(most)}`;
    this.words.textContent = this.gains
      ? `Strong: gained; orange: lost, against the start (${range}).`
      : `Pale to strong: ${range}.`;
    this.canvas.setAttribute("aria-label", `${rows.length} denoising steps, ${columns} moments, ${range}`);
    this.box.dataset.columns = String(columns);
  }

  paint(rows, least, most) {
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.box);
    const up = style.getPropertyValue("--tuned").trim() || "#0d9488";
    const down = style.getPropertyValue("--right").trim() || "#e07f3e";
    const width = most - least || 1;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    rows.forEach((row, y) => row.forEach((value, x) => {
      if (value === null) return;
      context.fillStyle = this.gains && value < 0 ? down : up;
      context.globalAlpha = this.gains ? Math.abs(value) / most : 0.06 + 0.94 * ((value - least) / width);
      context.fillRect(x, y, 1, 1);
    }));
    context.globalAlpha = 1;
  }
}

/** A row minus the mean of its first tenth. */
function gained(row) {
  const first = row.slice(0, Math.max(1, Math.round(row.length / 10))).filter((v) => v !== null);
  const start = first.reduce((sum, value) => sum + value, 0) / (first.length || 1);
  return row.map((value) => (value === null ? null : value - start));
}
