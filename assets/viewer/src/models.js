// The Models tab: a card per tuned model with where it comes from, what it is worth, and its verbs.
import { verdictList } from "./board.js";
import { make } from "./controls.js";

export function models(element, { props, watch, trigger }) {
  const box = make("div", "es-models");
  element.replaceChildren(box);
  const open = new Set(); // cards whose details are open stay open when the list is drawn anew
  const ask = (action, name, text = "") => {
    const event = { compare: "submit", tune: "edit" }[action] ?? "select";
    trigger(event, { action, name, text });
  };
  const show = () => {
    const { bases = [], items = [], trash = [] } = props.value ?? {};
    box.replaceChildren(
      ...bases.map(base), ...items.map((item) => card(item, ask, open)),
      ...(items.length ? [] : [make("p", "es-models-none",
        "No tuned model yet. Make one in the Tune tab, or import one.")]),
      ...(trash.length ? [bin(trash, ask)] : []),
    );
  };
  watch("value", show);
  show();
}

function base({ name, details }) {
  const box = make("article", "es-tuned es-tuned-base");
  const head = make("header", "es-tuned-head");
  head.append(make("h3", "es-tuned-name", name), make("span", "es-tuned-small", details));
  box.append(head);
  return box;
}

function card(item, ask, open) {
  const box = make("article", "es-tuned");
  box.dataset.model = item.name;
  const head = make("header", "es-tuned-head");
  const title = make("h3", "es-tuned-name", item.name);
  head.append(title, make("span", "es-tuned-small", [item.goal, item.created, item.size].filter(Boolean).join(" · ")));
  const actions = make("div", "es-tuned-actions");
  const verbs = [
    ["compare", "Compare", () => ask("compare", item.name)],
    ["tune", "Tune on", () => ask("tune", item.name)],
    ["rename", "Rename", () => rename(title, item.name, ask)],
    ["export", "Export", () => ask("export", item.name)],
    ["merge", "Merge", () => ask("merge", item.name)],
    ["delete", "Delete", () => ask("delete", item.name)],
  ];
  const tips = {
    compare: "Beside the base, on the same prompt and noise", export: "As one zip file with its card",
    merge: "Make a full model of it and its base, in checkpoints/", delete: "Into the trash; can be undone",
    rename: "Give it another name", tune: "Go on from it in the Tune tab",
  };
  actions.append(...verbs.map(([action, label, act]) => {
    const one = button(label, act, action === "compare" ? "es-act es-act-primary" : "es-act");
    one.dataset.action = action;
    one.title = tips[action];
    return one;
  }));
  box.append(head, way(item.lineage), actions, verdicts(item.report), details(item, ask, open));
  return box;
}

/** base › feet-1 › feet-2 */
function way(names) {
  const list = make("ol", "es-lineage");
  list.setAttribute("aria-label", "Comes from");
  list.append(...names.map((name, i) => {
    const step = make("li", "es-lineage-step", name);
    if (i === names.length - 1) step.setAttribute("aria-current", "true");
    return step;
  }));
  return list;
}

function verdicts(lines) {
  return lines.length ? verdictList(lines) : make("p", "es-tuned-small", "Not compared with the base.");
}

function details(item, ask, open) {
  const more = make("details", "es-tuned-more");
  more.open = open.has(item.name);
  more.addEventListener("toggle", () => open[more.open ? "add" : "delete"](item.name));
  const facts = make("dl", "es-tuned-facts");
  facts.append(...item.facts.flatMap(({ name, value }) => [make("dt", "", name), make("dd", "", value)]));
  const prompts = make("ul", "es-tuned-prompts");
  prompts.append(...item.prompts.map((text) => make("li", "", text)));
  if (item.more) prompts.append(make("li", "es-tuned-small", `and ${item.more} more`));
  more.append(make("summary", "", "Details and notes"), facts);
  if (item.prompts.length) more.append(make("h4", "es-tuned-small", "Prompts"), prompts);
  more.append(notes(item, ask));
  return more;
}

function notes({ name, notes: text }, ask) {
  const box = make("form", "es-tuned-notes");
  const area = make("textarea", "es-tuned-area");
  Object.assign(area, { value: text, rows: 2, maxLength: 4000, placeholder: "Your notes" });
  area.setAttribute("aria-label", `Notes on ${name}`);
  const save = button("Save notes", () => {}, "es-act");
  save.type = "submit";
  box.append(area, save);
  box.addEventListener("submit", (event) => {
    event.preventDefault();
    ask("notes", name, area.value);
  });
  return box;
}

/** The name becomes a field; Enter keeps it, Escape does not. */
function rename(title, name, ask) {
  const field = Object.assign(make("input", "es-tuned-field"), { value: name, maxLength: 80 });
  field.setAttribute("aria-label", `New name for ${name}`);
  let done = false;
  const end = (keep) => {
    if (done) return;
    done = true;
    title.textContent = name;
    if (keep && field.value.trim() && field.value.trim() !== name) ask("rename", name, field.value.trim());
  };
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") end(true);
    else if (event.key === "Escape") end(false);
  });
  field.addEventListener("blur", () => end(true));
  title.replaceChildren(field);
  field.focus();
  field.select();
}

function bin(trash, ask) {
  const box = make("section", "es-trash");
  box.setAttribute("aria-label", "Trash");
  const list = make("ul", "es-trash-list");
  list.append(...trash.map(({ token, name }) => {
    const line = make("li", "es-trash-line");
    const undo = button("Undo", () => ask("restore", name, token), "es-act");
    undo.dataset.action = "restore";
    undo.setAttribute("aria-label", `Take ${name} back`);
    line.append(make("span", "es-trash-name", name), undo);
    return line;
  }));
  let sure = false;
  const empty = button("Delete all for good", () => {
    if (sure) ask("empty", "");
    sure = true;
    empty.textContent = "Really? There is no undo";
  }, "es-act");
  box.append(make("h3", "es-tuned-name", "Trash"), list, empty);
  return box;
}

function button(label, act, name) {
  const one = make("button", name, label);
  one.type = "button";
  one.addEventListener("click", act);
  return one;
}
