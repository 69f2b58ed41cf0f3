// Entry points of the bundle: mount(element, {props, watch}) shows `props.value` and later values.
import { ComparePlayer } from "./compareplayer.js";
import { Player } from "./player.js";

export function mount(element, { props, watch }) {
  return attach(new Player(element), props, watch);
}

/** The same for the Compare tab: two motions, and what tells them apart. */
export function mountCompare(element, { props, watch }) {
  return attach(new ComparePlayer(element), props, watch);
}

function attach(player, props, watch) {
  const show = () => player.show(props.value);
  watch("value", show);
  show();
  return player;
}
