// The page's small live parts. Text from people enters the page only through textContent.
import { make } from "./controls.js";

export { board, needs, runs } from "./board.js";
export { timeline } from "./timeline.js";
export { models } from "./models.js";
export { numbers, vote } from "./numbers.js";
export { winrate } from "./winrate.js";

const SVG = "http://www.w3.org/2000/svg";

/** Redraw `element` with `draw(value)` now and whenever the server sends a new value. */
function live(element, { props, watch }, draw) {
  const show = () => draw(props.value ?? {});
  watch("value", show);
  show();
}

/** Header: what is loaded, where it runs, how it is; and the light/dark switch. */
export function header(element, api) {
  const facts = make("div", "es-facts");
  const toggle = make("button", "es-theme", "◐");
  toggle.type = "button";
  toggle.title = "Light or dark";
  toggle.setAttribute("aria-label", "Switch between light and dark");
  toggle.addEventListener("click", () => document.body.classList.toggle("dark"));
  element.querySelector(".es-right").replaceChildren(facts, toggle);
  live(element, api, ({ device = "", model = "", status = "", state = "" }) => {
    const dot = make("span", "es-dot");
    const words = make("span", "es-status", status);
    words.setAttribute("role", "status");
    facts.dataset.state = state;
    facts.replaceChildren(make("span", "es-device", device), make("span", "es-model", model),
      dot, words);
  });
}

/** Notice: one sentence on what is going on, with a bar while something runs. */
export function notice(element, api) {
  const box = make("div", "es-notice");
  box.setAttribute("role", "status");
  const text = make("p", "es-notice-text");
  const track = make("div", "es-track");
  const fill = make("div", "es-fill");
  track.append(fill);
  box.append(text, track);
  element.replaceChildren(box);
  live(element, api, ({ state = "idle", text: words = "", progress = null }) => {
    box.dataset.state = state;
    box.hidden = !words;
    text.textContent = words;
    const busy = ["warming", "queued", "running"].includes(state);
    track.hidden = !busy;
    track.dataset.known = String(progress !== null);
    fill.style.width = progress === null ? "" : `${Math.round(progress * 100)}%`;
  });
}

/** Familiarity: how near the prompt is to what the model has seen, and phrases it knows. */
export function gauge(element, api) {
  const bar = make("div", "es-meter");
  const fill = make("div", "es-meter-fill");
  bar.append(fill);
  const words = make("span", "es-gauge-words");
  const top = make("div", "es-gauge-top");
  top.append(bar, words);
  const chips = make("div", "es-chips");
  const box = make("div", "es-gauge");
  box.append(top, chips);
  element.replaceChildren(box);
  live(element, api, ({ score = null, level = "none", text = "", near = [] }) => {
    box.dataset.level = level;
    box.dataset.score = score === null ? "" : String(score);
    box.title = "Familiarity: how near this text is to the descriptions the model learned from";
    fill.style.width = `${Math.round(100 * (score ?? 0))}%`;
    words.textContent = text;
    chips.replaceChildren(...near.map((text) => chip({ text }, api)));
  });
}

/** Examples: packs of prompts as chips, one pack at a time. */
export function examples(element, api) {
  const box = make("div", "es-examples");
  element.replaceChildren(box);
  let chosen = 0;
  const draw = ({ packs = [] }) => {
    box.hidden = !packs.length;
    const tabs = make("div", "es-packs");
    tabs.setAttribute("role", "tablist");
    tabs.append(...packs.map((pack, i) => {
      const tab = make("button", "es-pack", pack.name);
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", String(i === chosen));
      tab.addEventListener("click", () => { chosen = i; draw({ packs }); });
      return tab;
    }));
    const chips = make("div", "es-chips");
    chips.append(...(packs[chosen]?.prompts ?? []).map((prompt) => chip(prompt, api)));
    box.replaceChildren(tabs, chips);
  };
  live(element, api, draw);
}

/** History: a small figure per result of this visit; a click brings the result back. */
export function history(element, api) {
  const box = make("div", "es-history");
  element.replaceChildren(box);
  live(element, api, ({ items = [], current = "" }) => {
    box.hidden = !items.length;
    box.replaceChildren(...items.map((item) => {
      const card = make("button", "es-card");
      card.type = "button";
      card.title = `${item.prompt} — ${item.details}`;
      card.dataset.result = item.id;
      card.setAttribute("aria-pressed", String(item.id === current));
      card.append(figure(item), make("span", "es-card-prompt", item.prompt),
        make("span", "es-card-details", item.details));
      card.addEventListener("click", () => api.trigger("select", { id: item.id }));
      return card;
    }));
  });
}

/** A prompt to choose; `choice` is {text} or {text, seconds}. */
function chip(choice, api) {
  const button = make("button", "es-chip", choice.text);
  button.type = "button";
  button.addEventListener("click", () => api.trigger("select", choice));
  return button;
}

/** @param {{bones: [number, number, number, number, string][]}} item lines in a 48 x 48 box */
function figure({ bones }) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 48 48");
  svg.setAttribute("aria-hidden", "true");
  for (const [x1, y1, x2, y2, role] of bones) {
    const line = document.createElementNS(SVG, "line");
    Object.entries({ x1, y1, x2, y2 }).forEach(([name, value]) => line.setAttribute(name, value));
    line.setAttribute("class", `es-bone-${role}`);
    svg.append(line);
  }
  return svg;
}
