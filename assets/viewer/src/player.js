// The motion player: picture, bar and keys around one stage and one playhead.
import { loadBody } from "./body.js";
import { buildControls, LOOKS, make, pressKey, showState } from "./controls.js";
import { Clip } from "./motion.js";
import { Playback } from "./playback.js";
import { Stage } from "./stage.js";
import styles from "./style.css";
import { readTheme, watchTheme } from "./theme.js";

const NO_GL = "This browser cannot draw 3D here (WebGL is off). " +
  "The video below shows the same motion; switch on hardware acceleration to get the player.";

const EMPTY = "Describe a movement and press Generate: it will walk in here.";

export class Player {
  constructor(host) {
    addStyles();
    this.host = host;
    this.playback = new Playback();
    this.switches = { follow: true, ghosts: false, look: "body", bodied: false };
    this.idle = EMPTY;
    this.build();
    this.startStage();
    this.dirty = true;
    this.refresh();
  }

  build() {
    this.root = make("section", "mp");
    this.root.tabIndex = 0;
    this.root.setAttribute("aria-label", "Motion player");
    this.view = make("div", "mp-view");
    this.canvas = make("canvas", "mp-canvas");
    this.labels = make("div", "mp-labels");
    this.message = make("div", "mp-message");
    this.view.append(this.canvas, this.labels, this.message);
    this.root.append(this.view);
    this.actions = this.buildActions();
    this.parts = buildControls(this.root, this.actions);
    this.host.replaceChildren(this.root);
    this.root.player = this;
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    document.addEventListener("keydown", (event) => {
      if (event.target === document.body && this.takesPageKeys) this.onKey(event);
    });
  }

  buildActions() {
    const change = (act) => (...values) => {
      if (!this.clips?.length) return;
      act(...values);
      this.refresh();
    };
    return {
      toggle: change(() => this.playback.toggle()),
      step: change((frames) => this.playback.step(frames)),
      seek: change((frame) => this.playback.seek(frame)),
      speed: (value) => { this.playback.speed = value; },
      follow: change(() => this.switchFollow()),
      ghosts: change(() => {
        this.switches.ghosts = !this.switches.ghosts;
        if (this.stage) this.stage.ghosts = this.switches.ghosts;
      }),
      look: change((look) => this.switchLook(look)),
      resetView: change(() => this.stage?.resetView()),
      fullscreen: () => toggleFullscreen(this.root),
    };
  }

  /** Whether the player is on a tab that is open. */
  get shown() {
    return this.root.offsetParent !== null || document.fullscreenElement === this.root;
  }

  /** Whether keys pressed while nothing has the focus are for this player. */
  get takesPageKeys() {
    return this.shown;
  }

  makeClip(motion, fps) {
    return new Clip(motion, fps);
  }

  makeStage() {
    return new Stage(this.canvas);
  }

  /** To a look by name, or to the next one. */
  switchLook(look) {
    const names = Object.keys(LOOKS);
    const next = names[(names.indexOf(this.switches.look) + 1) % names.length];
    if (this.switches.bodied) this.switches.look = look ?? next;
  }

  /** Fetch the body that came with a result; until it is there the skeleton is shown. */
  async dress(address) {
    this.switches.bodied = false;
    if (!address || !this.stage) return;
    try {
      const body = await loadBody(address);
      this.stage.wear(body);
      this.switches.bodied = true;
    } catch (error) {
      console.warn("The body could not be shown:", error.message);
    }
    this.refresh();
  }

  switchFollow() {
    this.switches.follow = !this.switches.follow;
    if (!this.stage) return;
    this.stage.follow = this.switches.follow;
    this.stage.resetView();
  }

  startStage() {
    try {
      this.stage = this.makeStage();
    } catch (error) {
      this.fail(NO_GL, error);
      return;
    }
    this.stage.controls.addEventListener("change", () => this.refresh());
    this.canvas.addEventListener("pointerdown", () => this.root.focus({ preventScroll: true }));
    this.root.addEventListener("focusin", () => { this.stage.controls.enableZoom = true; });
    this.root.addEventListener("focusout", () => { this.stage.controls.enableZoom = false; });
    this.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.say("The graphics driver stopped; the picture returns as soon as it is back.");
    });
    this.canvas.addEventListener("webglcontextrestored", () => this.say(""));
    watchTheme(() => this.paint());
    new ResizeObserver(() => this.resize()).observe(this.view);
    this.paint();
    this.resize();
  }

  /** @param {object | null} value {fps, motions} of the server, or {empty: words} without any */
  show(value) {
    this.root.dataset.state = this.stage ? "empty" : "no-gl";
    if (this.stage) this.say(value?.empty ?? this.idle);
    this.clips = [];
    try {
      this.clips = (value?.motions ?? []).map((motion) => this.makeClip(motion, value.fps));
      this.stage?.load(this.clips);
    } catch (error) {
      this.clips = [];
      this.stage?.load([]);
      this.fail(error.message, error);
    }
    const frames = Math.max(0, ...this.clips.map((clip) => clip.frames));
    this.playback.load(frames, value?.fps ?? 20);
    this.parts.bar.inert = !frames || !this.stage;
    if (frames && this.stage) this.begin(value);
    this.dress(frames ? value.body : "");
    this.placeLabels();
    this.refresh();
  }

  begin(value) {
    this.root.dataset.state = "ready";
    this.root.dataset.result = value.id ?? "";
    this.say("");
    this.playback.play();
  }

  onKey(event) {
    if (this.clips?.length && this.stage && pressKey(event, this.actions)) event.preventDefault();
  }

  paint() {
    this.stage.paint(readTheme(this.root));
    this.refresh();
  }

  resize() {
    const { clientWidth, clientHeight } = this.view;
    if (!clientWidth || !clientHeight) return;
    this.stage.resize(clientWidth, clientHeight);
    this.placeLabels();
    this.refresh();
  }

  placeLabels() {
    const places = this.stage?.cells ?? [];
    this.labels.replaceChildren(...places.map((cell, i) => {
      const label = make("span", "mp-label", this.clips[i]?.label ?? "");
      label.dataset.accent = this.clips[i]?.accent ?? "base";
      label.style.left = `${cell.x * 100}%`;
      label.style.top = `${cell.y * 100}%`;
      label.style.maxWidth = `calc(${cell.width * 100}% - 24px)`;
      return label;
    }));
  }

  /** Draw once, and keep drawing while something moves: a still page costs nothing. */
  refresh() {
    this.dirty = true;
    if (this.stage) {
      this.stage.follow = this.switches.follow;
      this.stage.look = this.switches.look;
    }
    showState(this.root, this.parts, this.playback, this.switches);
    if (this.ticket) return;
    this.before = performance.now();
    this.ticket = requestAnimationFrame((now) => this.tick(now));
  }

  tick(now) {
    this.ticket = 0;
    const moved = this.playback.advance(Math.max(0, now - this.before) / 1000);
    this.before = now;
    if (this.stage && this.shown && (moved || this.dirty)) this.stage.draw(this.playback.position);
    this.dirty = false;
    showState(this.root, this.parts, this.playback, this.switches);
    if (this.playback.playing) this.ticket = requestAnimationFrame((later) => this.tick(later));
  }

  say(text) {
    this.message.textContent = text;
  }

  fail(text, error) {
    this.root.dataset.state = this.stage ? "error" : "no-gl";
    this.say(text);
    console.warn(text, error?.message ?? "");
  }
}

function addStyles() {
  if (document.getElementById("mp-styles")) return;
  const style = Object.assign(document.createElement("style"), { id: "mp-styles", textContent: styles });
  document.head.append(style);
}

function toggleFullscreen(root) {
  if (document.fullscreenElement) document.exitFullscreen();
  else root.requestFullscreen?.().catch(() => {});
}
