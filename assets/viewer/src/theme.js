// Colours come from the page's CSS variables, so that player, page and video speak one language.
export const ROLES = ["torso", "pelvis", "joint", "head", "visor", "left", "right"];

const FALLBACK = { // only for a page that forgot its variables: visible, never invisible
  "--player-sky": "#eef1f5", "--player-floor": "#f4f6f9", "--player-grid": "#c3cbd6",
  "--player-axis": "#8b97a8", "--player-mark": "#8b97a8", "--player-shade": "1",
};

/** Read the current light or dark colours as seen by `element`. */
export function readTheme(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name).trim() || FALLBACK[name] || "#808080";
  const family = (accent) => ({
    accent: read(`--${accent}`),
    ...Object.fromEntries(ROLES.map((role) => [role, read(`--${accent}-${role}`)])),
  });
  return {
    sky: read("--player-sky"), floor: read("--player-floor"), grid: read("--player-grid"),
    axis: read("--player-axis"), mark: read("--player-mark"), shade: Number(read("--player-shade")),
    base: family("base"), tuned: family("tuned"), other: family("other"),
  };
}

/** Call `changed` when the page switches between light and dark; returns a function that stops. */
export function watchTheme(changed) {
  const observer = new MutationObserver(changed);
  const options = { attributes: true, attributeFilter: ["class", "style", "data-theme"] };
  observer.observe(document.documentElement, options);
  observer.observe(document.body, options);
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", changed);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", changed);
  };
}
