// A whole pack in one canvas: a page of prompts, each with both models side by side.
import { group, make } from "./controls.js";
import { cells } from "./layout.js";
import { Player } from "./player.js";
import { Stage } from "./stage.js";

const NARROW = 560; // pixels under which a page holds fewer prompts
const PER_PAGE = { wide: 6, narrow: 3 };
const CAPTION = 44; // pixels over each pair for its prompt and scores, as in style.css

class GridStage extends Stage {
  /** One cell per prompt: as wide as two upright figures. */
  get tiles() {
    return cells(this.actors.length / 2, this.size.width / 2, this.size.height);
  }

  get cells() {
    const caption = CAPTION / Math.max(1, this.size.height);
    return this.tiles.flatMap(({ x, y, width, height }) => [x, x + width / 2].map((left) => ({
      x: left, y: y + caption, width: width / 2, height: Math.max(0.01, height - caption),
    })));
  }
}

export class GridPlayer extends Player {
  /** @param {(choice: {index: number}) => void} choose called with a prompt that was clicked */
  constructor(host, choose) {
    super(host);
    this.choose = choose;
  }

  build() {
    this.page = 0;
    super.build();
    this.root.setAttribute("aria-label", "Motions of the whole pack");
    const turn = (by, label, text) => {
      const button = make("button", "mp-button mp-turn", text);
      button.type = "button";
      button.title = label;
      button.setAttribute("aria-label", label);
      button.addEventListener("click", () => this.turn(this.page + by));
      return button;
    };
    this.back = turn(-1, "Earlier prompts (page up)", "‹");
    this.forward = turn(1, "Further prompts (page down)", "›");
    this.pageWords = make("output", "mp-counter");
    this.turner = group("mp-bar mp-pages", this.back, this.pageWords, this.forward);
    this.root.append(this.turner);
  }

  makeStage() {
    return new GridStage(this.canvas);
  }

  get takesPageKeys() {
    return false; // they are for the big player above
  }

  get perPage() {
    return this.view.clientWidth < NARROW ? PER_PAGE.narrow : PER_PAGE.wide;
  }

  get pages() {
    return Math.max(1, Math.ceil((this.value?.tiles?.length ?? 0) / this.perPage));
  }

  /** @param {{id, fps, accents, tiles: {prompt, scores, better, motions}[]} | null} value */
  show(value) {
    this.value = value;
    this.turn(0);
  }

  turn(page) {
    this.page = Math.min(this.pages - 1, Math.max(0, page));
    const tiles = this.value?.tiles ?? [];
    this.onPage = tiles.slice(this.page * this.perPage, (this.page + 1) * this.perPage);
    this.held = this.perPage;
    const motions = this.onPage.flatMap((tile) => tile.motions);
    super.show(this.value && { ...this.value, motions });
    this.root.dataset.page = String(this.page + 1);
    this.root.dataset.pages = String(this.pages);
    this.pageWords.value = `${this.page + 1} / ${this.pages}`;
    this.back.disabled = this.page === 0;
    this.forward.disabled = this.page >= this.pages - 1;
    this.turner.hidden = this.pages < 2;
  }

  resize() {
    super.resize();
    if (this.held && this.held !== this.perPage) this.turn(0);
  }

  onKey(event) {
    const by = { PageUp: -1, PageDown: 1 }[event.key];
    if (by && this.pages > 1) {
      event.preventDefault();
      this.turn(this.page + by);
      return;
    }
    super.onKey(event);
  }

  placeLabels() {
    const tiles = this.stage?.tiles ?? [];
    if (!this.onPage) return;
    this.labels.replaceChildren(...tiles.map((place, i) => {
      const cell = group("mp-cell", this.caption(this.onPage[i], this.page * this.perPage + i));
      const [left, top, width, height] = [place.x, place.y, place.width, place.height]
        .map((share) => `${share * 100}%`);
      Object.assign(cell.style, { left, top, width, height });
      return cell;
    }));
  }

  caption({ prompt, scores, better }, index) {
    const label = make("button", "mp-tile");
    label.type = "button";
    label.title = `${prompt} — see this pair in the big player`;
    label.append(make("span", "mp-tile-prompt", prompt));
    const marks = scores.map((text, side) => {
      const mark = make("span", side === better ? "mp-tile-score mp-tile-better" : "mp-tile-score", text);
      mark.dataset.accent = this.value.accents[side];
      return mark;
    });
    label.append(group("mp-tile-scores", ...marks));
    label.addEventListener("click", () => this.choose?.({ index }));
    return label;
  }
}
