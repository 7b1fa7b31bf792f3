/* The table of a session: tree and waterfall at once, as a treegrid.

   The rule of this file: only rows that can be seen are in the document. A pool of row elements is
   moved by transforms, and a row is drawn when another item comes to its element. */

import { place, ticks } from "./axis.js";
import { at, element } from "./element.js";

const BEYOND = 3;
const DEEPEST = 24;
const PIXELS_PER_TICK = 88;
const PIXELS_OF_LABEL = 56;

export class Table {
  items = [];
  selected = -1;
  span = [0, 0];
  #pool = [];
  #height = 24;
  #isDue = false;

  /** `describe(item)` puts a row into words; `on` has `select(item)`, `toggle(item)`, `scroll()`. */
  constructor(grid, describe, on) {
    Object.assign(this, { grid, describe });
    [this.head, this.space] = grid.children;
    grid.addEventListener("scroll", () => (this.paint(), on.scroll()), { passive: true });
    this.space.addEventListener("click", ({ target }) => {
      const item = this.items[target.closest(".row")?.index];
      if (item) on[target.className === "fold" && target.textContent ? "toggle" : "select"](item);
    });
    new ResizeObserver(() => this.repaint()).observe(grid);
  }

  get item() { return this.items[this.selected] ?? null; }
  get perPage() { return Math.max(1, Math.floor(this.#room / this.#height) - 1); }
  get isAtEnd() { return this.grid.scrollTop + this.#room >= (this.items.length - 1) * this.#height; }
  get #room() { return this.grid.clientHeight - this.head.offsetHeight; }

  /** Show other rows. What was first in view stays there: `indexOf(item)` finds it, or -1. */
  show(items, indexOf) {
    const top = Math.floor(this.grid.scrollTop / this.#height);
    const moved = this.items[top] ? indexOf(this.items[top]) : -1;
    this.items = items;
    this.grid.ariaRowCount = items.length + 1;
    this.space.style.height = `${items.length * this.#height}px`;
    if (moved >= 0 && moved !== top) this.grid.scrollTop += (moved - top) * this.#height;
    this.repaint();
  }

  /** Bring a row into view, `isFar` ones to the middle. */
  reach(index, isFar = false) {
    const { grid } = this;
    const top = index * this.#height;
    const bottom = top + this.#height - this.#room;
    if (top >= grid.scrollTop && bottom <= grid.scrollTop) return;
    if (isFar) grid.scrollTop = (top + bottom) / 2;
    else grid.scrollTop = top < grid.scrollTop ? top : bottom;
    this.paint();
  }

  /** Draw all rows anew with the next frame. */
  repaint() {
    if (!this.#isDue) requestAnimationFrame(() => this.#isDue && this.repaintNow());
    this.#isDue = true;
  }

  repaintNow() {
    this.#isDue = false;
    this.#height = parseFloat(getComputedStyle(this.space).getPropertyValue("--row"));
    this.space.style.height = `${this.items.length * this.#height}px`;
    const room = Math.ceil(this.grid.clientHeight / this.#height) + 2 * BEYOND;
    while (this.#pool.length < room) {
      const row = at("row").content.firstChild.cloneNode(true);
      row.id = `row${this.#pool.push(row)}`;
      row.parts = Object.fromEntries([...row.querySelectorAll("*")].map((part) => [part.className, part]));
      this.space.append(row);
    }
    for (const row of this.#pool) row.index = -1;
    this.#paintHead();
    this.paint();
  }

  /** Draw the rows that have come into view. */
  paint() {
    const { length } = this.#pool;
    const first = Math.max(0, Math.floor(this.grid.scrollTop / this.#height) - BEYOND);
    let active = "";
    for (let index = first; index < first + length; index++) {
      const row = this.#pool[index % length];
      row.hidden = index >= this.items.length;
      if (row.hidden) continue;
      if (row.index !== index) this.#draw(row, index);
      if (index === this.selected) active = row.id;
    }
    this.grid.setAttribute("aria-activedescendant", active);
  }

  #draw(row, index) {
    const item = this.items[index];
    const { state, open, isMatch, ...texts } = this.describe(item);
    const isSelected = index === this.selected;
    row.className = `row ${state ?? "later"}${isSelected ? " selected" : ""}${isMatch ? " match" : ""}`;
    row.style.transform = `translateY(${index * this.#height}px)`;
    row.style.setProperty("--level", Math.min(item.indent, DEEPEST));
    Object.assign(row, {
      index, ariaLevel: item.indent + 1, ariaRowIndex: index + 2, ariaSelected: isSelected, ariaExpanded: open,
    });
    if (item.indent > DEEPEST) texts.title = `⋯${item.indent} ${texts.title}`;
    for (const [name, text] of Object.entries(texts)) {
      if (row.parts[name].textContent !== text) row.parts[name].textContent = text;
    }
    this.#drawBar(row.parts, item, state !== null, texts.kind);
  }

  #drawBar({ time, bar }, { when, ended }, isBegun, kind) {
    const isOpen = ended === null || (this.at !== null && ended > this.at);
    const until = isOpen ? this.at ?? this.until : ended;
    const left = place(when, this.span);
    const right = place(Math.max(until, when), this.span);
    const isKnown = when !== null && isBegun;
    const from = Math.max(left, -0.01);
    time.dataset.beyond = !isKnown ? "" : right < 0 ? "before" : left > 1 ? "after" : "";
    bar.hidden = !isKnown || time.dataset.beyond !== "";
    bar.style.left = `${from * 100}%`;
    bar.style.width = `${(Math.min(right, 1.01) - from) * 100}%`;
    bar.className = `bar ${kind.split(" ")[0]}${isOpen ? " open" : ""}${when === ended ? " instant" : ""}`;
  }

  #paintHead() {
    const cell = this.head.lastElementChild;
    const width = cell.clientWidth;
    const mark = ([moment, label], kind) => {
      const made = element(kind, label);
      const from = place(moment, this.span);
      made.style.left = `${from * 100}%`;
      made.classList.toggle("last", (1 - from) * width < PIXELS_OF_LABEL);
      return made;
    };
    const marks = ticks(this.span, this.origin, Math.floor(width / PIXELS_PER_TICK)).map((tick) => mark(tick, "span.tick"));
    const isSeen = this.at !== null && this.at >= this.span[0] && this.at <= this.span[1];
    cell.replaceChildren(...marks, ...(isSeen ? [mark([this.at, ""], "span.moment")] : []));
  }
}
