// Entry points of the bundle: mount(element, {props, watch}) shows `props.value` and later values.
import { ComparePlayer } from "./compareplayer.js";
import { GridPlayer } from "./gridplayer.js";
import { Player } from "./player.js";
import { TunePlayer } from "./tuneplayer.js";

export function mount(element, { props, watch }) {
  return attach(new Player(element), props, watch);
}

/** The same for the Compare tab: two motions, and what tells them apart. */
export function mountCompare(element, { props, watch }) {
  return attach(new ComparePlayer(element), props, watch);
}

/** Many pairs of motions, a page at a time; a click on one is told as {index}. */
export function mountGrid(element, { props, watch, trigger }) {
  return attach(new GridPlayer(element, (choice) => trigger("select", choice)), props, watch);
}

/** The base beside a model as it learns; what is chosen is told as {prompt, at}. */
export function mountTune(element, { props, watch, trigger }) {
  return attach(new TunePlayer(element, trigger), props, watch);
}

function attach(player, props, watch) {
  const show = () => player.show(props.value);
  watch("value", show);
  show();
  return player;
}
