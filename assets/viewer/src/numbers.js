// The widgets beside the comparing player: a table of numbers for both sides, and the vote.
import { make, meansText } from "./controls.js";

const ANSWERS = [
  ["left", "Left", "1"], ["right", "Right", "2"], ["tie", "Tie", "3"], ["bad", "Both bad", "4"],
];

/** Numbers: {columns: [{name, accent}], rows: [{name, tip, cells: [string], better}]}. */
export function numbers(element, { props, watch }) {
  const table = make("table", "es-numbers");
  element.replaceChildren(table);
  const draw = ({ columns = [], rows = [], note = "" }) => {
    table.hidden = !rows.length && !note;
    const head = make("tr", "");
    head.append(make("th", ""), ...columns.map(({ name, accent }) => {
      const cell = make("th", "es-numbers-side", name);
      cell.scope = "col";
      cell.dataset.accent = accent;
      return cell;
    }));
    table.replaceChildren(head, ...rows.map(row));
    if (note) table.append(make("caption", "es-numbers-note", note));
  };
  const show = () => draw(props.value ?? {});
  watch("value", show);
  show();
}

function row({ name, tip = "", cells, better = -1 }) {
  const line = make("tr", "");
  const title = make("th", "", name);
  title.scope = "row";
  title.title = tip;
  line.append(title, ...cells.map((text, i) => {
    const cell = make("td", i === better ? "es-better" : "", text);
    if (i === better) cell.title = "the better one";
    return cell;
  }));
  return line;
}

/** Vote: four answers by button or by the keys 1 to 4. */
export function vote(element, { props, watch, trigger }) {
  const box = make("div", "es-vote");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", "Which is better?");
  element.replaceChildren(box);
  let open = false;
  const say = (answer) => {
    if (open) trigger("select", { answer });
  };
  const buttons = ANSWERS.map(([answer, words, key]) => {
    const button = make("button", "es-answer");
    button.type = "button";
    button.dataset.answer = answer;
    button.title = `Key ${key}`;
    button.append(make("kbd", "", key), make("span", "", words));
    button.addEventListener("click", () => say(answer));
    return button;
  });
  const text = make("span", "es-vote-text");
  text.setAttribute("role", "status");
  box.append(...buttons, text);
  const draw = ({ state = "none", answer = "", text: words = "" }) => {
    open = state === "open";
    box.hidden = state === "none";
    box.dataset.state = state;
    text.textContent = words;
    for (const button of buttons) {
      button.setAttribute("aria-disabled", String(!open)); // stays in the focus order
      button.setAttribute("aria-pressed", String(button.dataset.answer === answer));
    }
  };
  document.addEventListener("keydown", (event) => {
    const hit = ANSWERS.find((one) => one[2] === event.key);
    if (!hit || !open || box.offsetParent === null || meansText(event)) return;
    event.preventDefault();
    say(hit[0]);
  });
  const show = () => draw(props.value ?? {});
  watch("value", show);
  show();
}
