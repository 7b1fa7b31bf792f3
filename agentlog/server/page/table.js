/* The table of a session: tree and waterfall at once, as a treegrid.

   The rule of this file: only rows that can be seen are in the document. There is a fixed pool of
   row elements; a row is drawn when another item comes to its element, and moved by a transform. */

import { place, ticks } from "./axis.js";

const BEYOND = 3;
const CELLS = ["name", "kind", "model", "tokens", "duration", "time"];
const LABELS = ["Event", "Kind", "Model", "Tokens", "Duration", "Time"];
const PIXELS_PER_TICK = 88;

export class Table {
  #grid;
  #head;
  #space;
  #pool = [];
  #items = [];
  #levels = [];
  #selected = -1;
  #height = 24;
  #isDue = false;
  #describe = null;

  /** `describe(item)` puts a row into words; `on` has `select(item)`, `toggle(item)`, `scroll()`. */
  constructor(grid, describe, on) {
    this.#grid = grid;
    this.#describe = describe;
    this.#head = element("div", "row head", "row");
    this.#head.ariaRowIndex = "1";
    for (const [i, name] of CELLS.entries()) {
      this.#head.append(element("div", name, "columnheader", LABELS[i]));
    }
    this.#space = element("div", "space", "rowgroup");
    grid.replaceChildren(this.#head, this.#space);
    grid.addEventListener("scroll", () => {
      this.paint();
      on.scroll();
    }, { passive: true });
    this.#space.addEventListener("click", (event) => {
      const item = this.#items[event.target.closest(".row")?.index];
      if (item === undefined) return;
      if (event.target.classList.contains("fold")) on.toggle(item);
      else on.select(item);
    });
    this.#space.addEventListener("dblclick", (event) => {
      const item = this.#items[event.target.closest(".row")?.index];
      if (item !== undefined && !event.target.classList.contains("fold")) on.toggle(item);
    });
    new ResizeObserver(() => this.repaint()).observe(grid);
  }

  get items() { return this.#items; }
  get levels() { return this.#levels; }
  get selected() { return this.#selected; }
  get item() { return this.#items[this.#selected] ?? null; }
  get perPage() { return Math.max(1, Math.floor(this.#room / this.#height) - 1); }
  get isAtEnd() { return this.#grid.scrollTop + this.#grid.clientHeight >= this.#grid.scrollHeight - this.#height; }
  get #room() { return this.#grid.clientHeight - this.#head.offsetHeight; }

  /** Show other rows. What was first in view stays where it is, if it is still there. */
  show({ items, levels }, indexOf) {
    const top = Math.floor(this.#grid.scrollTop / this.#height);
    const anchor = this.#items[top];
    this.#items = items;
    this.#levels = levels;
    this.#grid.ariaRowCount = String(items.length + 1);
    this.#space.style.height = `${items.length * this.#height}px`;
    const moved = anchor === undefined ? -1 : indexOf(anchor);
    if (moved >= 0 && moved !== top) this.#grid.scrollTop += (moved - top) * this.#height;
    this.repaint();
  }

  select(index) {
    this.#selected = index;
    this.repaint();
  }

  /** Bring a row into view: to the middle if it is not there already, or `end` to the end. */
  reach(index, where = "near") {
    const grid = this.#grid;
    const top = index * this.#height;
    const room = this.#room;
    if (where === "middle") grid.scrollTop = top - (room - this.#height) / 2;
    else if (top < grid.scrollTop) grid.scrollTop = top;
    else if (top + this.#height > grid.scrollTop + room) grid.scrollTop = top + this.#height - room;
    this.paint();
  }

  isInView(index) {
    const top = index * this.#height - this.#grid.scrollTop;
    return top >= 0 && top + this.#height <= this.#room;
  }

  /** The first and last rows in view. */
  get shown() {
    const first = Math.floor(this.#grid.scrollTop / this.#height);
    const last = Math.ceil((this.#grid.scrollTop + this.#room) / this.#height) - 1;
    return [Math.max(0, first), Math.min(last, this.#items.length - 1)];
  }

  /** Set the window of time, the moment that is looked at (or null), and where times begin. */
  setTime(span, at, origin) {
    this.span = span;
    this.at = at;
    this.origin = origin;
    this.repaint();
  }

  /** Draw all rows anew with the next frame. */
  repaint() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      if (this.#isDue) this.repaintNow();
    });
  }

  repaintNow() {
    this.#isDue = false;
    this.#height = parseFloat(getComputedStyle(this.#space).getPropertyValue("--row"));
    this.#space.style.height = `${this.#items.length * this.#height}px`;
    for (const row of this.#pool) row.index = -1;
    this.#paintHead();
    this.paint();
  }

  /** Draw the rows that have come into view. */
  paint() {
    const room = Math.ceil(this.#grid.clientHeight / this.#height) + 2 * BEYOND;
    if (room > this.#pool.length) this.#grow(room);
    const first = Math.max(0, Math.floor(this.#grid.scrollTop / this.#height) - BEYOND);
    const behind = Math.min(this.#items.length, first + this.#pool.length);
    for (let index = first; index < behind; index++) {
      const row = this.#pool[index % this.#pool.length];
      if (row.index !== index) this.#draw(row, index);
    }
    for (const row of this.#pool) row.hidden = row.index < first || row.index >= behind;
    const chosen = this.#pool.find((row) => row.index === this.#selected && !row.hidden);
    if (chosen) this.#grid.setAttribute("aria-activedescendant", chosen.id);
    else this.#grid.removeAttribute("aria-activedescendant");
  }

  #grow(room) {
    while (this.#pool.length < room) {
      const row = makeRow();
      row.id = `row${this.#pool.length}`;
      this.#pool.push(row);
      this.#space.append(row);
    }
    for (const row of this.#pool) row.index = -1;
  }

  #draw(row, index) {
    const said = this.#describe(this.#items[index]);
    const isSelected = index === this.#selected;
    row.index = index;
    row.className = `row ${said.state ?? "later"}${isSelected ? " selected" : ""}${said.isMatch ? " match" : ""}`;
    row.style.transform = `translateY(${index * this.#height}px)`;
    row.style.setProperty("--level", Math.min(this.#levels[index], 24));
    row.ariaLevel = String(this.#levels[index] + 1);
    row.ariaRowIndex = String(index + 2);
    row.ariaSelected = String(isSelected);
    row.ariaExpanded = said.open === null ? null : String(said.open);
    const [name, kind, model, tokens, duration, time] = row.children;
    const [fold, glyph, title, times, cause, note] = name.children;
    const depth = this.#levels[index] > 24 ? `⋯${this.#levels[index]} ` : "";
    set(fold, said.open === null ? "" : said.open ? "▾" : "▸");
    set(glyph, said.glyph);
    set(title, depth + said.name);
    set(times, said.times);
    set(cause, said.isCause ? "← root cause" : "");
    set(note, said.note);
    note.classList.toggle("error", said.isFailed);
    set(kind, said.kind);
    set(model, said.model);
    set(tokens, said.tokens);
    set(duration, said.duration);
    this.#drawBar(time, said);
  }

  #drawBar(cell, { start, end, state, kind }) {
    const bar = cell.firstChild;
    bar.className = "bar";
    cell.dataset.beyond = "";
    if (start === null || !this.span || state === null) return void (bar.hidden = true);
    const isOpen = end === null || (this.at !== null && end > this.at);
    const until = isOpen ? this.at ?? this.until ?? this.span[1] : end;
    const [left, right] = [place(start, this.span), place(Math.max(until, start), this.span)];
    bar.hidden = right < 0 || left > 1;
    if (bar.hidden) return void (cell.dataset.beyond = right < 0 ? "before" : "after");
    const from = Math.max(left, -0.01);
    bar.style.left = `${from * 100}%`;
    bar.style.width = `${(Math.min(right, 1.01) - from) * 100}%`;
    bar.className = `bar ${kind.split(" ")[0]}${isOpen ? " open" : ""}${start === end ? " instant" : ""}`;
  }

  #paintHead() {
    const cell = this.#head.lastChild;
    if (!this.span) return;
    const most = Math.floor(cell.clientWidth / PIXELS_PER_TICK);
    const marks = ticks(this.span, this.origin, most).map(([moment, label]) => {
      const mark = element("span", "tick", null, label);
      const at = place(moment, this.span);
      mark.style.left = `${at * 100}%`;
      mark.classList.toggle("last", at > 0.9);
      return mark;
    });
    if (this.at !== null && this.at >= this.span[0] && this.at <= this.span[1]) {
      const line = element("span", "moment");
      line.style.left = `${place(this.at, this.span) * 100}%`;
      marks.push(line);
    }
    cell.replaceChildren(...(most > 0 ? marks : ["Time"]));
  }
}

function makeRow() {
  const row = element("div", "row", "row");
  for (const name of CELLS) row.append(element("div", name, "gridcell"));
  for (const name of ["fold", "glyph", "title", "times", "cause", "note"]) {
    row.firstChild.append(element("span", name));
  }
  row.firstChild.firstChild.ariaHidden = "true";
  row.lastChild.append(element("div", "bar"));
  row.index = -1;
  return row;
}

/** Make an element; its text is text, whatever stands in it. */
export function element(tag, className = "", role = null, text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (role) made.setAttribute("role", role);
  if (text) made.textContent = text;
  return made;
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
