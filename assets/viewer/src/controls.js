// The bar under the picture and the keys that do the same.
const SPEEDS = [0.25, 0.5, 1, 1.5, 2];
export const LOOKS = { body: "Body", skeleton: "Skeleton", both: "Both" };
const ICONS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  back: "M6 6h2v12H6zM19 6v12l-9-6z",
  forward: "M16 6h2v12h-2zM5 6v12l9-6z",
  view: "M12 5V2L7 6l5 4V7a5 5 0 1 1-5 5H5a7 7 0 1 0 7-7z",
  full: "M5 5h5v2H7v3H5zM14 5h5v5h-2V7h-3zM5 14h2v3h3v2H5zM17 14h2v5h-5v-2h3z",
};

/** Build the bar; `actions` are called by mouse, touch and keyboard alike. */
export function buildControls(root, actions) {
  const bar = make("div", "mp-bar");
  const play = iconButton("play", "Play or pause (space)", actions.toggle);
  play.classList.add("mp-play");
  const back = iconButton("back", "One frame back (← or ,)", () => actions.step(-1));
  const forward = iconButton("forward", "One frame forward (→ or .)", () => actions.step(1));
  const scrub = Object.assign(make("input", "mp-scrub"), {
    type: "range", min: "0", max: "0", value: "0", step: "1",
  });
  scrub.setAttribute("aria-label", "Position in the motion");
  scrub.addEventListener("input", () => actions.seek(Number(scrub.value)));
  const counter = make("output", "mp-counter");
  const speed = make("select", "mp-speed");
  speed.setAttribute("aria-label", "Playback speed");
  for (const value of SPEEDS) {
    speed.append(new Option(`${value}×`, String(value), value === 1, value === 1));
  }
  speed.addEventListener("change", () => actions.speed(Number(speed.value)));
  const look = make("select", "mp-speed mp-look");
  look.title = "What is shown (B)";
  look.setAttribute("aria-label", "Body, skeleton or both");
  for (const [value, text] of Object.entries(LOOKS)) look.append(new Option(text, value));
  look.addEventListener("change", () => actions.look(look.value));
  const follow = switchButton("Follow", "The camera follows the figure (F)", actions.follow);
  const ghost = switchButton("Ghosts", "Show where the figure has just been (G)", actions.ghosts);
  const view = iconButton("view", "Reset the camera (R)", actions.resetView);
  const full = iconButton("full", "Full screen", actions.fullscreen);
  const left = group("mp-transport", back, play, forward);
  const right = group("mp-options", look, speed, follow, ghost, view, full);
  bar.append(left, scrub, counter, right);
  root.append(bar);
  return { bar, play, scrub, counter, speed, look, follow, ghost };
}

/** Show the playback's state in the bar and as attributes that tests and scripts can read. */
export function showState(root, parts, playback, switches) {
  const { frame, frames, fps, playing } = playback;
  root.dataset.frame = String(frame);
  root.dataset.frames = String(frames);
  root.dataset.playing = String(playing);
  root.dataset.follow = String(switches.follow);
  root.dataset.ghosts = String(switches.ghosts);
  root.dataset.look = switches.look;
  parts.look.hidden = !switches.bodied;
  parts.look.value = switches.look;
  parts.scrub.max = String(Math.max(0, frames - 1));
  parts.scrub.value = String(frame);
  parts.scrub.style.setProperty("--done", `${(100 * frame) / Math.max(1, frames - 1)}%`);
  const text = frames ? `${frame + 1} / ${frames} · ${(frame / fps).toFixed(2)} s` : "";
  if (parts.counter.value !== text) parts.counter.value = text;
  setIcon(parts.play, playing ? "pause" : "play");
  parts.follow.setAttribute("aria-pressed", String(switches.follow));
  parts.ghost.setAttribute("aria-pressed", String(switches.ghosts));
}

/** Keyboard: returns whether the key meant something here. */
export function pressKey(event, actions) {
  if (meansText(event)) return false;
  const stride = event.shiftKey ? 10 : 1;
  const keys = {
    " ": actions.toggle, ArrowLeft: () => actions.step(-stride), ",": () => actions.step(-1),
    ArrowRight: () => actions.step(stride), ".": () => actions.step(1), "<": () => actions.step(-10),
    ">": () => actions.step(10), Home: () => actions.seek(0), End: () => actions.seek(Infinity),
    f: actions.follow, g: actions.ghosts, r: actions.resetView, b: () => actions.look(),
  };
  const action = keys[event.key] ?? keys[event.key?.toLowerCase()];
  if (!action) return false;
  action();
  return true;
}

/** Whether a key belongs to what has the focus, or to the browser, rather than to the player. */
export function meansText(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  const tag = event.target?.tagName;
  const tick = tag === "INPUT" && event.target.type === "checkbox"; // takes Space, and nothing else
  const types = tag === "INPUT" && event.target.type !== "range" && !tick;
  if (types || tag === "TEXTAREA" || tag === "SELECT" || event.target?.isContentEditable) return true;
  return (tag === "BUTTON" || tick) && (event.key === " " || event.key === "Enter");
}

export function make(tag, name, text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

export function group(name, ...children) {
  const element = make("div", name);
  element.append(...children);
  return element;
}

function iconButton(icon, label, action) {
  const button = make("button", "mp-button");
  button.type = "button";
  button.title = label;
  button.setAttribute("aria-label", label);
  button.addEventListener("click", action);
  setIcon(button, icon);
  return button;
}

export function switchButton(text, label, action) {
  const button = make("button", "mp-button mp-switch", text);
  button.type = "button";
  button.title = label;
  button.addEventListener("click", action);
  return button;
}

function setIcon(button, icon) {
  if (button.dataset.icon === icon) return;
  button.dataset.icon = icon;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[icon]);
  svg.append(path);
  button.replaceChildren(svg);
}
