// The widget over the grid of a whole pack: who follows the text better how often, as a bar.
import { make } from "./controls.js";

/** Value: {sides: [{name, accent, share}], text, words: [string]}; shares of 1, the rest are ties. */
export function winrate(element, { props, watch }) {
  const box = make("section", "es-winrate");
  element.replaceChildren(box);
  const draw = ({ sides = [], text = "", words = [] }) => {
    box.hidden = !sides.length;
    const bar = make("div", "es-winrate-bar");
    bar.setAttribute("aria-hidden", "true"); // the sentence under it says the same
    const names = make("div", "es-winrate-names");
    sides.forEach(({ name, accent, share }, i) => {
      const part = make("div", "es-winrate-part");
      part.dataset.accent = accent;
      part.style.width = `${100 * share}%`;
      const label = make("span", "es-numbers-side", name);
      label.dataset.accent = accent;
      names.append(label);
      bar.append(part);
      if (i === 0) bar.append(make("div", "es-winrate-gap"));
    });
    const more = make("ul", "es-winrate-words");
    more.append(...words.map((sentence) => make("li", "", sentence)));
    box.replaceChildren(names, bar, make("p", "es-winrate-text", text), more);
  };
  const show = () => draw(props.value ?? {});
  watch("value", show);
  show();
}
