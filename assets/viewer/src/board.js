// The Tune tab's live board: how a run stands, its curves, gauges, buttons, and the report card.
import { HeatMap, lineChart, short } from "./charts.js";
import { make } from "./controls.js";

const BUSY = ["queued", "starting", "running"];
const VERDICTS = {
  better: "✓", worse: "✗", "no difference": "=", higher: "•", lower: "•", "too few": "?", note: "",
};

/** Redraw with `draw(value)` now and whenever the server sends a new value. */
function live({ props, watch }, draw) {
  const show = () => draw(props.value ?? {});
  watch("value", show);
  show();
}

export function board(element, api) {
  const box = make("section", "es-board");
  box.setAttribute("aria-label", "The tuning");
  const parts = {
    head: headline(), actions: make("div", "es-board-actions"), report: make("div", "es-report"),
    facts: make("dl", "es-figures"), charts: make("div", "es-charts"), lines: make("div", "es-lines"),
    gauges: make("div", "es-gauges"), warnings: make("ul", "es-warnings"), heat: new HeatMap(),
  };
  parts.charts.append(parts.lines, parts.heat.box);
  box.append(
    parts.head.box, parts.actions, parts.report, parts.warnings, parts.facts, parts.charts,
    parts.gauges,
  );
  element.replaceChildren(box);
  live(api, (value) => {
    box.dataset.state = value.state ?? "empty";
    box.dataset.run = value.id ?? "";
    box.dataset.early = String(value.early ?? false);
    drawHead(parts.head, value);
    drawActions(parts.actions, value, api);
    drawReport(parts.report, value.report);
    parts.warnings.replaceChildren(...(value.warnings ?? []).map((text) => make("li", "", text)));
    parts.facts.replaceChildren(...(value.facts ?? []).flatMap(fact));
    parts.lines.replaceChildren(...(value.charts ?? []).map(lineChart));
    parts.heat.show(value.heat ?? null);
    parts.gauges.replaceChildren(...(value.gauges ?? []).map(gauge));
    for (const part of [parts.facts, parts.lines, parts.gauges, parts.warnings]) {
      part.hidden = !part.childElementCount;
    }
    parts.charts.hidden = parts.lines.hidden && parts.heat.box.hidden;
  });
}

function headline() {
  const box = make("header", "es-board-head");
  const title = make("h2", "es-board-title");
  const goal = make("span", "es-board-goal");
  const text = make("p", "es-board-text"); // changes every second: told aloud only when it matters
  const aloud = make("span", "es-aloud");
  aloud.setAttribute("role", "status");
  const track = make("div", "es-track");
  const fill = make("div", "es-fill");
  track.append(fill);
  const line = make("div", "es-board-line");
  line.append(title, goal);
  box.append(line, text, aloud, track);
  return { box, title, goal, text, aloud, track, fill };
}

function drawHead({ title, goal, text, aloud, track, fill }, value) {
  title.textContent = value.title ?? "";
  goal.textContent = value.goal ?? "";
  title.parentElement.hidden = !value.title;
  if (text.textContent !== value.text) text.textContent = value.text ?? "";
  const said = value.title ? `${value.title}: ${value.word}` : "";
  if (aloud.textContent !== said) aloud.textContent = said;
  const known = value.progress !== null && value.progress !== undefined;
  track.hidden = !known && !BUSY.includes(value.state);
  track.dataset.known = String(known || value.state === "queued");
  fill.style.width = known ? `${Math.round(value.progress * 100)}%` : value.state === "queued" ? "0" : "";
}

function drawActions(box, { actions = [], id }, api) {
  box.hidden = !actions.length;
  const wanted = actions.map((one) => one.label).join("|");
  if (box.dataset.labels !== wanted || box.dataset.run !== id) {
    const focus = [...box.children].indexOf(document.activeElement);
    box.replaceChildren(...actions.map((action) => button(action, id, api)));
    box.children[focus]?.focus();
    Object.assign(box.dataset, { labels: wanted, run: id ?? "" });
  }
  actions.forEach((action, i) => { box.children[i].disabled = !action.enabled; });
}

function button({ name, label, primary }, id, api) {
  const one = make("button", `es-act${primary ? " es-act-primary" : ""}`, label);
  one.type = "button";
  one.dataset.action = name;
  one.addEventListener("click", () => {
    if (name !== "compare") one.disabled = true; // until the server says how it stands
    api.trigger(name === "compare" ? "submit" : "select", { action: name, id });
  });
  return one;
}

function fact({ name, value, tip }) {
  const term = make("dt", "", name);
  term.title = tip;
  return [term, make("dd", "", value)];
}

/** A bar from 0 to beyond the limit: the value, the base's (grey mark), where it is stopped. */
function gauge({ name, title, tip, value, base, limit, at_most: atMost, bad, digits }) {
  const box = make("div", "es-limit");
  box.dataset.name = name;
  box.dataset.bad = String(bad);
  box.title = `${tip}. Stopped ${atMost ? "above" : "below"} ${limit.toFixed(digits)}.`;
  const most = Math.max(value ?? 0, base ?? 0, limit) * (atMost ? 1.15 : 1.1) || 1;
  const at = (number) => `${Math.min(100, Math.max(0, (100 * number) / most))}%`;
  const bar = make("div", "es-limit-bar");
  const fill = make("div", "es-limit-fill");
  fill.style.width = at(value ?? 0);
  const zone = make("div", "es-limit-zone");
  if (atMost) zone.style.left = at(limit);
  else zone.style.width = at(limit);
  zone.dataset.side = atMost ? "high" : "low";
  const mark = make("div", "es-limit-base");
  mark.style.left = at(base ?? 0);
  bar.append(zone, fill, mark);
  const words = make("div", "es-limit-words");
  const told = value === null || value === undefined ? "–" : value.toFixed(digits);
  words.append(make("span", "", title), make("span", "es-limit-value", bad ? `${told} too far` : told));
  box.append(words, bar);
  return box;
}

function drawReport(box, report) {
  box.hidden = !report;
  if (!report) {
    box.replaceChildren();
    return;
  }
  const list = verdictList(report.lines);
  const { before, after } = report.reward ?? {};
  const raised = before === undefined ? "" :
    ` The reward itself went from ${short(before)} to ${short(after)}, which proves nothing.`;
  box.replaceChildren(make("h3", "es-report-title", "New model against the base"), list,
    make("p", "es-report-note", `${report.note}${raised}`));
}

/** What tuning did, measure by measure: {title, answer, verdict}. */
export function verdictList(lines) {
  const list = make("ul", "es-verdicts");
  list.append(...lines.map(({ title, answer, verdict }) => {
    const item = make("li", "es-verdict");
    item.dataset.verdict = verdict;
    const sign = make("span", "es-verdict-sign", VERDICTS[verdict] ?? "");
    sign.setAttribute("aria-hidden", "true");
    item.append(sign, make("span", "es-verdict-title", title), make("span", "es-verdict-answer", answer));
    return item;
  }));
  return list;
}

/** The list of tunings: a click shows one. */
export function runs(element, api) {
  const box = make("div", "es-runs");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Tunings");
  element.replaceChildren(box);
  live(api, ({ items = [], current = "" }) => {
    box.hidden = items.length < 2;
    box.replaceChildren(...items.map((item) => {
      const card = make("button", "es-run");
      card.type = "button";
      card.dataset.run = item.id;
      card.dataset.state = item.state;
      card.setAttribute("aria-pressed", String(item.id === current));
      card.append(make("span", "es-run-name", item.id), make("span", "es-run-state", item.word),
        make("span", "es-run-details", item.details));
      card.addEventListener("click", () => api.trigger("select", { id: item.id }));
      return card;
    }));
  });
}

/** What a tuning will need, in one line; or what is wrong with what was asked. */
export function needs(element, api) {
  const text = make("p", "es-needs");
  text.setAttribute("role", "status");
  element.replaceChildren(text);
  live(api, ({ text: words = "", bad = false }) => {
    text.textContent = words;
    text.dataset.bad = String(bad);
  });
}
