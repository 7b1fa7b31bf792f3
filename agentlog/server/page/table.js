/* The table of a session: tree and waterfall at once, as a treegrid.

   The rule of this file: only rows that can be seen are in the document. A pool of row elements is
   moved by transforms, and a row is drawn when another item comes to its element. */

import { place, ticks } from "./axis.js";

const BEYOND = 3;
const DEEPEST = 24;
const PIXELS_PER_TICK = 88;
const PIXELS_OF_LABEL = 56;

export class Table {
  items = [];
  levels = [];
  selected = -1;
  span = [0, 0];
  #pool = [];
  #height = 24;
  #isDue = false;

  /** `describe(item)` puts a row into words; `on` has `select(item)`, `toggle(item)`, `scroll()`. */
  constructor(grid, describe, on) {
    this.grid = grid;
    this.describe = describe;
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
  show({ items, levels }, indexOf) {
    const top = Math.floor(this.grid.scrollTop / this.#height);
    const moved = this.items[top] ? indexOf(this.items[top]) : -1;
    Object.assign(this, { items, levels });
    this.grid.ariaRowCount = String(items.length + 1);
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
      const row = document.getElementById("row").content.firstChild.cloneNode(true);
      row.id = `row${this.#pool.push(row)}`;
      this.space.append(row);
    }
    for (const row of this.#pool) row.index = -1;
    this.#paintHead();
    this.paint();
  }

  /** Draw the rows that have come into view. */
  paint() {
    const pool = this.#pool;
    const first = Math.max(0, Math.floor(this.grid.scrollTop / this.#height) - BEYOND);
    const behind = Math.min(this.items.length, first + pool.length);
    for (let index = first; index < behind; index++) {
      const row = pool[index % pool.length];
      if (row.index !== index) this.#draw(row, index);
    }
    let active = "";
    for (const row of pool) {
      row.hidden = row.index < first || row.index >= behind;
      if (row.index === this.selected && !row.hidden) active = row.id;
    }
    this.grid.setAttribute("aria-activedescendant", active);
  }

  #draw(row, index) {
    const said = this.describe(this.items[index]);
    const level = this.levels[index];
    row.index = index;
    row.className = `row ${said.state ?? "later"}`;
    row.classList.toggle("selected", index === this.selected);
    row.classList.toggle("match", said.isMatch);
    row.style.transform = `translateY(${index * this.#height}px)`;
    row.style.setProperty("--level", Math.min(level, DEEPEST));
    row.ariaLevel = String(level + 1);
    row.ariaRowIndex = String(index + 2);
    row.ariaSelected = String(index === this.selected);
    row.ariaExpanded = said.open === null ? null : String(said.open);
    const [name, ...cells] = row.children;
    const texts = [
      said.open === null ? "" : said.open ? "▾" : "▸",
      said.glyph,
      (level > DEEPEST ? `⋯${level} ` : "") + said.name,
      said.times,
      said.isCause ? "← root cause" : "",
      said.note,
    ];
    texts.forEach((text, i) => set(name.children[i], text));
    ["kind", "model", "tokens", "duration"].forEach((field, i) => set(cells[i], said[field]));
    this.#drawBar(cells[4], said);
  }

  #drawBar(cell, { start, end, state, kind }) {
    const bar = cell.firstChild;
    const isOpen = end === null || (this.at !== null && end > this.at);
    const until = isOpen ? this.at ?? this.until : end;
    const left = place(start, this.span);
    const right = place(Math.max(until, start), this.span);
    const isKnown = start !== null && state !== null;
    const beyond = !isKnown ? "" : right < 0 ? "before" : left > 1 ? "after" : "";
    cell.dataset.beyond = beyond;
    bar.hidden = !isKnown || beyond !== "";
    if (bar.hidden) return;
    const from = Math.max(left, -0.01);
    bar.style.left = `${from * 100}%`;
    bar.style.width = `${(Math.min(right, 1.01) - from) * 100}%`;
    bar.className = `bar ${kind.split(" ")[0]}${isOpen ? " open" : ""}${start === end ? " instant" : ""}`;
  }

  #paintHead() {
    const cell = this.head.lastElementChild;
    const width = cell.clientWidth;
    const mark = (moment, name, label = "") => {
      const made = element("span", name, label);
      const at = place(moment, this.span);
      made.style.left = `${at * 100}%`;
      made.classList.toggle("last", (1 - at) * width < PIXELS_OF_LABEL);
      return made;
    };
    const marks = ticks(this.span, this.origin, Math.floor(width / PIXELS_PER_TICK)).map(([moment, label]) => mark(moment, "tick", label));
    const isSeen = this.at !== null && this.at >= this.span[0] && this.at <= this.span[1];
    cell.replaceChildren(...marks, ...(isSeen ? [mark(this.at, "moment")] : []));
  }
}

/** Make an element; its text is text, whatever stands in it. */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
