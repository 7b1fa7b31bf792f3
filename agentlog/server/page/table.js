/* The table: tree and waterfall at once. Only rows that can be seen are in the document: a pool of
   elements is moved by transforms, and drawn when another item comes to one. */

import { place, ticks } from "./axis.js";
import { at, element } from "./element.js";

const BEYOND = 3;
const DEEPEST = 24;
const PIXELS_PER_TICK = 88;
const PIXELS_OF_LABEL = 56;

export class Table {
  items = [];
  selected = -1;
  whole = [0, 0];
  span = [0, 0];
  at = null;
  #places = new Map();
  #pool = [];
  #height = 24;
  #isDue = false;

  constructor(grid, describe, on) {
    Object.assign(this, { grid, describe });
    [this.head, this.space] = grid.children;
    grid.addEventListener("scroll", () => (this.#paint(), on.scroll()), { passive: true });
    this.space.addEventListener("click", ({ target }) => {
      const item = this.items[target.closest(".row")?.index];
      if (item) on[target.className === "fold" && target.textContent ? "toggle" : "select"](item);
    });
    new ResizeObserver(() => this.#repaint()).observe(grid);
  }

  get item() { return this.items[this.selected] ?? null; }
  get perPage() { return Math.max(1, Math.floor(this.#room / this.#height) - 1); }
  get isAtEnd() { return this.grid.scrollTop + this.#room >= (this.items.length - 1) * this.#height; }
  get #room() { return this.grid.clientHeight - this.head.offsetHeight; }

  /** Show other rows. What was first in view stays there. */
  show(items) {
    const top = Math.floor(this.grid.scrollTop / this.#height);
    this.#places = new Map(items.map(({ key }, index) => [key, index]));
    const moved = (this.#places.get(this.items[top]?.key) ?? top) - top;
    this.items = items;
    this.grid.ariaRowCount = items.length + 1;
    this.space.style.height = `${items.length * this.#height}px`;
    if (moved) this.grid.scrollTop += moved * this.#height;
    this.#repaint();
  }

  select(key) {
    this.selected = this.#places.get(key) ?? -1;
    this.#repaint();
  }

  /** What runs has run `until`; `at` is the moment that is looked at, or null. */
  showTime(time) {
    Object.assign(this, time);
    this.#repaint();
  }

  /** Bring a row into view, `isFar` ones to the middle. */
  reach(index, isFar = false) {
    const { grid } = this;
    const top = index * this.#height;
    const bottom = top + this.#height - this.#room;
    if (top >= grid.scrollTop && bottom <= grid.scrollTop) return;
    grid.scrollTop = isFar ? (top + bottom) / 2 : top < grid.scrollTop ? top : bottom;
    this.#paint();
  }

  #repaint() {
    if (!this.#isDue) requestAnimationFrame(() => this.#isDue && this.repaintNow());
    this.#isDue = true;
  }

  repaintNow() {
    this.#isDue = false;
    this.#height = parseFloat(getComputedStyle(this.space).getPropertyValue("--row"));
    this.space.style.height = `${this.items.length * this.#height}px`;
    while (this.#pool.length < this.grid.clientHeight / this.#height + 2 * BEYOND) {
      const row = at("row").content.firstChild.cloneNode(true);
      row.id = `row${this.#pool.push(row)}`;
      row.parts = Object.fromEntries([...row.querySelectorAll("*")].map((part) => [part.className, part]));
      this.space.append(row);
    }
    for (const row of this.#pool) row.index = -1;
    this.#paintHead();
    this.#paint();
  }

  #paint() {
    const { length } = this.#pool;
    const first = Math.max(0, Math.floor(this.grid.scrollTop / this.#height) - BEYOND);
    this.grid.setAttribute("aria-activedescendant", "");
    for (let index = first; index < first + length; index++) {
      const row = this.#pool[index % length];
      row.hidden = index >= this.items.length;
      if (row.hidden) continue;
      if (row.index !== index) this.#draw(row, index, this.items[index]);
      if (index === this.selected) this.grid.setAttribute("aria-activedescendant", row.id);
    }
  }

  #draw(row, index, item) {
    const { state, open, isMatch, ...texts } = this.describe(item);
    const isSelected = index === this.selected;
    row.className = `row ${state ?? "later"}${isSelected ? " selected" : ""}${isMatch ? " match" : ""}`;
    row.style.transform = `translateY(${index * this.#height}px)`;
    row.style.setProperty("--level", Math.min(item.indent, DEEPEST));
    Object.assign(row, { index, ariaLevel: item.indent + 1, ariaRowIndex: index + 2, ariaSelected: isSelected, ariaExpanded: open });
    if (item.indent > DEEPEST) texts.title = `⋯${item.indent} ${texts.title}`;
    for (const name in texts) {
      if (row.parts[name].textContent !== texts[name]) row.parts[name].textContent = texts[name];
    }
    row.parts.bar.hidden = state === null || item.when === null;
    this.#drawBar(row.parts.bar, item, texts.kind);
  }

  #drawBar(bar, { when, ended }, kind) {
    const { at, span, until } = this;
    const isOpen = ended === null || (at !== null && ended > at);
    const end = Math.max(isOpen ? at ?? until : ended, when);
    const [left, right] = [when, end].map((moment) => Math.min(Math.max(place(moment, span), -0.1), 1.1) * 100);
    bar.style.left = `${left}%`;
    bar.style.width = `${right - left}%`;
    bar.className = `bar ${kind.split(" ")[0]}${isOpen ? " open" : ""}${when === ended ? " instant" : ""}`;
  }

  #paintHead() {
    const cell = this.head.lastElementChild;
    const width = cell.clientWidth;
    const marks = ticks(this.span, this.whole[0], Math.floor(width / PIXELS_PER_TICK));
    cell.replaceChildren(...[...marks, [this.at, ""]].map(([moment, label]) => {
      const from = place(moment, this.span);
      const mark = element(label ? "span.tick" : "span.moment", label);
      mark.style.left = `${from * 100}%`;
      mark.hidden = moment === null || from < 0 || from > 1;
      mark.classList.toggle("last", (1 - from) * width < PIXELS_OF_LABEL);
      return mark;
    }));
  }
}
