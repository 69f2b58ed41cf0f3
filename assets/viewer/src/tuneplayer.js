// The player of the Tune tab: the base beside the model as it learns, in sync, and a way back
// through the learning.
import { make } from "./controls.js";
import { Player } from "./player.js";

const EMPTY = "While a model learns, one motion from fixed noise shows how it changes.";

export class TunePlayer extends Player {
  constructor(host, trigger) {
    super(host);
    this.trigger = trigger;
  }

  build() {
    super.build();
    this.idle = EMPTY;
    this.second = make("div", "mp-bar mp-second mp-learning");
    this.prompt = make("select", "mp-speed mp-prompt");
    this.prompt.setAttribute("aria-label", "Which prompt is shown");
    this.prompt.addEventListener("change", () => this.ask({ prompt: Number(this.prompt.value) }));
    this.range = Object.assign(make("input", "mp-scrub"), {
      type: "range", min: "0", max: "0", value: "0", step: "1",
    });
    this.range.setAttribute("aria-label", "Moment of the learning");
    this.range.title = "Back through the learning; all the way right is always the newest";
    this.range.addEventListener("change", () => this.ask({}));
    this.range.addEventListener("input", () => this.showMoment());
    this.moment = make("output", "mp-counter");
    this.second.append(this.prompt, this.range, this.moment);
    this.root.append(this.second);
  }

  ask(change) {
    const at = Number(this.range.value);
    const newest = at === this.moments.length - 1;
    this.trigger("select", {
      prompt: Number(this.prompt.value), at: newest ? null : this.moments[at], ...change,
    });
  }

  /** A newer state of the same motion goes on where the playhead is. */
  show(value) {
    const same = value?.id && value.id === this.root.dataset.result && this.clips?.length;
    const { position, playing } = this.playback;
    const camera = same && this.stage ? this.stage.camera.position.clone() : null;
    const target = camera ? this.stage.controls.target.clone() : null;
    super.show(value);
    if (same && this.clips.length) {
      this.playback.position = position;
      this.playback.playing = playing;
      if (camera) {
        this.stage.camera.position.copy(camera);
        this.stage.controls.target.copy(target);
        this.stage.controls.update();
      }
    }
    this.showLearning(value);
    this.refresh();
  }

  showLearning(value) {
    const prompts = value?.prompts ?? [];
    this.moments = value?.moments ?? [];
    this.second.hidden = !prompts.length;
    this.prompt.replaceChildren(...prompts.map((text, i) => new Option(text, String(i))));
    this.prompt.value = String(value?.chosen ?? 0);
    this.range.max = String(Math.max(0, this.moments.length - 1));
    const at = this.moments.indexOf(value?.at);
    this.range.value = String(at < 0 ? this.moments.length - 1 : at);
    this.root.dataset.at = String(value?.at ?? "");
    this.showMoment();
  }

  showMoment() {
    const at = Number(this.range.value);
    const last = Math.max(1, this.moments.length - 1);
    this.range.style.setProperty("--done", `${(100 * at) / last}%`);
    this.moment.value = this.moments.length ? `pass ${this.moments[at]}` : "";
  }
}
