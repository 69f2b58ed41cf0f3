// The player of the Compare tab: two models, one playhead, one camera, and ways to see where they
// differ. Which model stands on which side is only known here when the server says so.
import { group, make, meansText, switchButton } from "./controls.js";
import { RAMP_CSS } from "./heat.js";
import { CompareStage, FAR } from "./comparestage.js";
import { Player } from "./player.js";
import { StepClip } from "./stepclip.js";

const EMPTY = "Choose two models, describe a movement and press Compare.";
const SLOW = 0.25;
const WORDS = { difference: ["same", `${FAR * 100} cm apart`], pull: ["as it is", "move this"] };

export class ComparePlayer extends Player {
  build() {
    this.idle = EMPTY;
    this.compare = { overlay: false, traces: false, heat: null, step: 0 };
    super.build();
    this.legend = make("div", "mp-legend");
    this.legend.hidden = true;
    this.view.append(this.legend);
    this.buildSecondBar();
  }

  makeStage() {
    return new CompareStage(this.canvas);
  }

  makeClip(motion, fps) {
    return new StepClip(motion, fps);
  }

  buildSecondBar() {
    this.second = make("div", "mp-bar mp-second");
    const flip = (name) => () => this.flip(name);
    const heat = (name) => () => this.flipHeat(name);
    this.toggles = {
      overlay: switchButton("Overlay", "One body as a ghost on the other (O)", flip("overlay")),
      difference: switchButton(
        "Difference", "Paint how far each joint is from the other body's (D)", heat("difference"),
      ),
      pull: switchButton(
        "Reward view", "Paint where the reward would move the body (W)", heat("pull"),
      ),
      traces: switchButton(
        "Traces", "The pelvis' path, and where toes were down; red where they slid (T)", flip("traces"),
      ),
      slow: switchButton("Slow motion", "A quarter of the speed (S)", () => this.slow()),
    };
    this.stepper = this.buildStepper();
    this.second.append(group("mp-options mp-ways", ...Object.values(this.toggles)), this.stepper.box);
    this.root.append(this.second);
  }

  buildStepper() {
    const box = make("label", "mp-steps");
    const words = make("span", "mp-steps-words", "Denoising step");
    const range = Object.assign(make("input", "mp-scrub"), {
      type: "range", min: "1", max: "1", value: "1", step: "1",
    });
    range.setAttribute("aria-label", "Denoising step");
    range.addEventListener("input", () => this.chooseStep(Number(range.value) - 1));
    const counter = make("output", "mp-counter mp-steps-counter");
    box.title = "What each model took the finished motion to be at this step ([ and ])";
    box.append(words, range, counter);
    return { box, range, counter };
  }

  /** @param {object | null} value as Player takes it, or {empty: words} while there is no pair */
  show(value) {
    const kept = this.keeps(value) ? this.where() : null;
    super.show(value);
    this.hidden = Boolean(value?.hidden);
    this.compare.step = Math.max(0, this.count - 1);
    if (!this.clips[0]?.pull && this.compare.heat === "pull") this.compare.heat = null;
    if (kept) this.goBack(kept);
    this.apply();
  }

  /** Whether a value is what is shown already, with more about it or at another strength. */
  keeps(value) {
    const same = value?.id && (value.id === this.root.dataset.result || value.live);
    return Boolean(same && this.stage && value.motions[0].frames === this.playback.frames);
  }

  where() {
    const { position, playing } = this.playback;
    const fromEnd = this.count - this.compare.step;
    return { position, playing, fromEnd, camera: this.stage.camera.position.clone() };
  }

  goBack({ position, playing, fromEnd, camera }) {
    Object.assign(this.playback, { position, playing });
    this.stage.camera.position.copy(camera);
    this.stage.controls.update();
    if (fromEnd > 0) this.chooseStep(this.count - fromEnd);
  }

  /** Denoising steps there are to look at. */
  get count() {
    return this.clips?.[0]?.steps.length ?? 0;
  }

  flip(name) {
    this.compare[name] = !this.compare[name];
    this.apply(name === "overlay");
  }

  flipHeat(name) {
    this.compare.heat = this.compare.heat === name ? null : name;
    this.apply();
  }

  slow() {
    this.playback.speed = this.playback.speed === SLOW ? 1 : SLOW;
    this.parts.speed.value = String(this.playback.speed);
    this.refresh();
  }

  chooseStep(index) {
    if (!this.count) return;
    this.compare.step = Math.min(this.count - 1, Math.max(0, index));
    for (const clip of this.clips) clip.chooseStep(this.compare.step);
    this.refresh();
  }

  /** Hand the switches to the stage; `reframe` when the cells have changed. */
  apply(reframe = false) {
    if (this.stage) {
      Object.assign(this.stage, {
        overlay: this.compare.overlay, traces: this.compare.traces, heat: this.compare.heat,
      });
      if (reframe) this.stage.resetView();
    }
    this.placeLabels();
    this.refresh();
  }

  placeLabels() {
    super.placeLabels();
    if (!this.compare.overlay || this.clips?.length !== 2 || !this.stage) return;
    const ghost = this.labels.firstElementChild.cloneNode();
    ghost.textContent = `ghost: ${this.clips[1].label}`;
    ghost.dataset.accent = this.clips[1].accent;
    ghost.style.top = "28px";
    this.labels.append(ghost);
  }

  refresh() {
    super.refresh();
    if (this.toggles) this.showCompare();
  }

  showCompare() {
    const { overlay, traces, heat, step } = this.compare;
    const [left, right] = this.clips ?? [];
    const pressed = {
      overlay, traces, difference: heat === "difference", pull: heat === "pull",
      slow: this.playback.speed === SLOW,
    };
    for (const [name, on] of Object.entries(pressed)) {
      this.toggles[name].setAttribute("aria-pressed", String(on));
      this.root.dataset[name] = String(on);
    }
    this.toggles.pull.disabled = !left?.pull;
    this.second.inert = !left || !this.stage;
    const { count } = this;
    this.stepper.range.disabled = count < 2;
    this.stepper.range.max = String(Math.max(1, count));
    this.stepper.range.value = String(step + 1);
    this.stepper.range.style.setProperty("--done", `${(100 * step) / Math.max(1, count - 1)}%`);
    this.root.dataset.step = String(step + 1);
    this.root.dataset.steps = String(count);
    this.stepper.counter.value = this.hidden ? "after your vote" : stepWords(step, count, left, right);
    this.showLegend(heat);
  }

  showLegend(heat) {
    this.legend.hidden = !heat || !this.clips?.length;
    if (this.legend.hidden) return;
    const ramp = make("span", "mp-ramp");
    ramp.style.background = RAMP_CSS;
    const [low, high] = WORDS[heat];
    this.legend.replaceChildren(make("span", "", low), ramp, make("span", "", high));
  }

  onKey(event) {
    if (this.clips?.length && this.stage && !meansText(event) && this.pressOwn(event.key)) {
      event.preventDefault();
      return;
    }
    super.onKey(event);
  }

  pressOwn(key) {
    const keys = {
      o: () => this.flip("overlay"), d: () => this.flipHeat("difference"),
      t: () => this.flip("traces"), s: () => this.slow(),
      w: () => this.clips[0].pull && this.flipHeat("pull"),
      "[": () => this.chooseStep(this.compare.step - 1),
      "]": () => this.chooseStep(this.compare.step + 1),
    };
    const action = keys[key.toLowerCase()];
    action?.();
    return Boolean(action);
  }
}

/** "3 of 5 · reward .42 | .47" */
function stepWords(step, count, ...clips) {
  if (count < 2) return "";
  const rewards = clips.map((clip) => clip?.rewards?.[step]).filter((one) => one !== undefined);
  const words = rewards.length ? ` · reward ${rewards.map((one) => one.toFixed(2)).join(" | ")}` : "";
  return `${step + 1} of ${count}${words}`;
}
