// A timeline of prompts: segments as wide as they are long, dragged longer, dragged elsewhere.
// At either end a motion may stand that is given: its block stays there until it is removed.
import { group, make } from "./controls.js";

const STEP = 0.2; // seconds, one latent of the model
const SHORTEST = 1;
const FALLBACK = { longest: 8.2, longestLast: 8.2, total: 60 };
const ENDS = { before: "Goes on from", after: "Arrives at" };

/**
 * @param value {parts: [{text, seconds}], before, after: {text, seconds}, longest, longestLast,
 * total}; `element.firstChild.parts` is what is. Removing an end triggers "select" with its name.
 */
export function timeline(element, { props, watch, trigger }) {
  const line = new Timeline(element, (end) => trigger("select", { end }));
  const show = () => line.load(props.value ?? {});
  watch("value", show);
  show();
}

class Timeline {
  constructor(host, removed) {
    this.root = make("div", "es-timeline");
    this.track = make("div", "es-track-parts");
    this.track.setAttribute("role", "listbox");
    this.track.setAttribute("aria-label", "Parts of the sequence");
    this.total = make("span", "es-timeline-total");
    this.text = Object.assign(make("input", "es-timeline-text"), {
      type: "text", maxLength: 500, placeholder: "a person walks forward",
    });
    this.text.setAttribute("aria-label", "What the person does in this part");
    this.seconds = Object.assign(make("input", "es-timeline-seconds"), {
      type: "number", step: String(STEP), min: String(SHORTEST),
    });
    this.seconds.setAttribute("aria-label", "Seconds of this part");
    const button = (text, label, act) => {
      const made = make("button", "es-chip", text);
      made.type = "button";
      made.title = label;
      made.setAttribute("aria-label", label);
      made.addEventListener("click", act);
      return made;
    };
    this.text.addEventListener("input", () => { this.part.text = this.text.value; this.draw(); });
    this.seconds.addEventListener("change", () => this.resize(this.chosen, Number(this.seconds.value)));
    this.ends = {};
    for (const name of Object.keys(ENDS)) this.ends[name] = fixed(name, () => removed(name));
    this.row = group("es-track-row", this.ends.before, this.track, this.ends.after);
    this.root.append(this.row, group("es-timeline-edit", this.text, this.seconds,
      button("←", "Move this part earlier", () => this.move(this.chosen, this.chosen - 1)),
      button("→", "Move this part later", () => this.move(this.chosen, this.chosen + 1)),
      button("+ Part", "Add a part after this one", () => this.add()),
      button("Remove", "Remove this part", () => this.remove()), this.total));
    host.replaceChildren(this.root);
    this.load({});
  }

  load({ parts = [{ text: "", seconds: 4 }], before, after, ...limits }) {
    this.limits = { ...FALLBACK, ...limits };
    this.given = 0;
    for (const [name, motion] of Object.entries({ before, after })) {
      const box = this.ends[name];
      box.hidden = !motion;
      box.style.flexGrow = String(motion?.seconds ?? 0);
      box.children[1].textContent = motion?.text ?? "";
      box.children[2].textContent = motion ? `${motion.seconds.toFixed(1)} s` : "";
      this.given += motion?.seconds ?? 0;
    }
    const loaded = JSON.stringify(parts);
    if (loaded !== this.loaded) { // else only an end has changed, and what was typed stays
      this.loaded = loaded;
      this.parts = parts.map((part) => ({ ...part }));
      this.root.parts = this.parts; // read when the sequence is made
      this.chosen = 0;
    }
    this.draw();
  }

  get part() {
    return this.parts[this.chosen];
  }

  get sum() {
    return this.parts.reduce((sum, part) => sum + part.seconds, 0);
  }

  /** Seconds that are left for more. */
  get room() {
    return this.limits.total - this.given - this.sum;
  }

  longest(index) {
    return index === this.parts.length - 1 ? this.limits.longestLast : this.limits.longest;
  }

  /** Whole steps within what a part, and the whole, may have. */
  resize(index, seconds) {
    const part = this.parts[index];
    const room = Math.min(this.longest(index), this.room + part.seconds);
    const wanted = Math.min(room, Math.max(SHORTEST, Number.isFinite(seconds) ? seconds : 4));
    part.seconds = Math.max(SHORTEST, Math.floor(wanted / STEP + 1e-6) * STEP);
    part.seconds = Math.round(part.seconds * 10) / 10;
    this.draw();
  }

  move(from, to) {
    if (to < 0 || to >= this.parts.length || from === to) return;
    this.parts.splice(to, 0, ...this.parts.splice(from, 1));
    this.chosen = to;
    this.draw();
  }

  add() {
    if (this.room < SHORTEST) return;
    this.parts.splice(this.chosen + 1, 0, { text: "", seconds: SHORTEST });
    this.chosen += 1;
    this.resize(this.chosen, 4);
    this.text.focus();
  }

  remove() {
    if (this.parts.length < 2) return;
    this.parts.splice(this.chosen, 1);
    this.chosen = Math.min(this.chosen, this.parts.length - 1);
    this.draw();
  }

  draw() {
    const last = this.parts.at(-1); // another one may be the last by now
    last.seconds = Math.min(last.seconds, this.limits.longestLast);
    this.track.style.flexGrow = String(this.sum);
    const reuse = [...this.track.children];
    this.parts.forEach((part, index) => {
      const box = reuse[index] ?? this.track.appendChild(this.segment());
      box.style.flexGrow = String(part.seconds);
      box.index = index;
      box.firstChild.textContent = part.text || "…";
      box.children[1].textContent = `${part.seconds.toFixed(1)} s`;
      box.setAttribute("aria-selected", String(index === this.chosen));
    });
    reuse.slice(this.parts.length).forEach((box) => box.remove());
    if (this.text.value !== this.part.text) this.text.value = this.part.text;
    this.seconds.value = String(this.part.seconds);
    this.seconds.max = String(this.longest(this.chosen));
    this.total.textContent = `${(this.given + this.sum).toFixed(1)} of ${this.limits.total} s`;
  }

  segment() {
    const box = make("button", "es-segment");
    box.type = "button";
    box.setAttribute("role", "option");
    const handle = make("span", "es-segment-edge");
    handle.title = "Drag to make this part longer or shorter";
    box.append(make("span", "es-segment-text"), make("span", "es-segment-seconds"), handle);
    box.addEventListener("click", () => { this.chosen = box.index; this.draw(); });
    box.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = Math.min(this.parts.length - 1, Math.max(0, box.index + step));
      if (event.altKey) this.move(box.index, next);
      this.chosen = next;
      this.draw();
      this.track.children[next].focus();
    });
    handle.addEventListener("pointerdown", (event) => this.dragEdge(event, box));
    box.addEventListener("pointerdown", (event) => this.dragBody(event, box));
    return box;
  }

  dragEdge(event, box) {
    event.stopPropagation();
    this.chosen = box.index;
    const scale = this.sum / this.track.clientWidth; // seconds per pixel, as it was at the start
    const [x, before] = [event.clientX, this.part.seconds];
    follow(event, (now) => this.resize(this.chosen, before + (now.clientX - x) * scale));
  }

  dragBody(event, box) {
    this.chosen = box.index;
    this.draw();
    follow(event, ({ clientX }) => {
      const at = [...this.track.children].findIndex((other) => {
        const { left, right } = other.getBoundingClientRect();
        return clientX >= left && clientX < right;
      });
      if (at < 0 || at === this.chosen) return;
      const { left, width } = this.track.children[at].getBoundingClientRect();
      // Only past the middle, else two parts of unlike length would swap for ever.
      const past = at > this.chosen ? clientX > left + width / 2 : clientX < left + width / 2;
      if (past) this.move(this.chosen, at);
    });
  }
}

/** The block of a motion that is given: what it is, how long, and a button that removes it. */
function fixed(name, remove) {
  const box = make("div", "es-given");
  box.dataset.end = name;
  box.hidden = true;
  const button = make("button", "es-given-remove", "×");
  button.type = "button";
  button.title = "Remove this motion from the timeline";
  button.setAttribute("aria-label", button.title);
  button.addEventListener("click", remove);
  box.append(make("span", "es-given-small", ENDS[name]), make("span", "es-given-text"),
    make("span", "es-given-small"), button);
  return box;
}

function follow(event, act) {
  event.preventDefault();
  const stop = new AbortController();
  const { signal } = stop;
  window.addEventListener("pointermove", act, { signal });
  for (const name of ["pointerup", "pointercancel"]) {
    window.addEventListener(name, () => stop.abort(), { signal });
  }
}
