/* The minimap: the whole run by depth, its failures above all. Dragging draws a window of time, or
   moves it; a click goes to what is there. */

import { place } from "./axis.js";

const LANES = 9;
const LEAST = 3; // pixels of a drag
const OPACITY = [0, 0.4, 1]; // of nothing; of what has children; of all else

export class Overview {
  #drag = null;

  constructor(box, zoom, pick) {
    Object.assign(this, { box, zoom });
    [this.canvas, this.frame, this.line] = box.children;
    box.addEventListener("pointerdown", (event) => {
      box.setPointerCapture(event.pointerId);
      const from = this.#moment(event);
      const isWithin = this.span !== this.whole && from > this.span[0] && from < this.span[1];
      this.#drag = { x: event.clientX, from, held: isWithin && this.span };
    });
    box.addEventListener("pointermove", (event) => this.#drag && this.#move(event, this.#drag));
    box.addEventListener("pointerup", (event) => {
      if (!this.#drag?.moves) pick(this.#moment(event));
      this.#drag = null;
    });
    new ResizeObserver(() => this.#draw()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  show(nodes, time) {
    const isOther = nodes !== this.nodes || time.whole[1] !== this.whole[1];
    Object.assign(this, time, { nodes });
    if (isOther) this.#draw();
    this.#lay(this.frame, time.span, time.span === time.whole);
    this.#lay(this.line, [time.at, time.at], time.at === null);
  }

  #lay(mark, span, isHidden) {
    const [from, to] = span.map((moment) => place(moment, this.whole) * 100);
    mark.hidden = isHidden;
    mark.style.left = `${from}%`;
    mark.style.right = `${100 - to}%`;
  }

  #draw() {
    const { canvas, whole, until } = this;
    const ratio = devicePixelRatio;
    const width = (canvas.width = Math.round(canvas.clientWidth * ratio));
    canvas.height = Math.round(canvas.clientHeight * ratio);
    if (!whole || !width) return;
    const column = (moment) => Math.min(width - 1, Math.floor(place(moment, whole) * width));
    const filled = new Uint8Array(width * LANES);
    const failures = new Set();
    for (const { when, ended, depth, children, failed } of this.nodes) {
      if (when === null) continue;
      const last = column(ended ?? until);
      const row = Math.min(depth, LANES - 1) * width;
      filled.fill(children.length ? 1 : 2, row + column(when), row + last + 1);
      if (failed && !children.some((child) => child.failed)) failures.add(last);
    }
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const lane = canvas.height / LANES;
    pen.fillStyle = style.borderTopColor; // of properties, only colours are computed
    for (let first = 0, next; first < filled.length; first = next) {
      const row = Math.floor(first / width);
      for (next = first + 1; next < (row + 1) * width && filled[next] === filled[first]; ) next++;
      pen.globalAlpha = OPACITY[filled[first]];
      pen.fillRect(first - row * width, row * lane, next - first, Math.max(1, lane - ratio));
    }
    pen.globalAlpha = 1;
    pen.fillStyle = style.color;
    for (const x of failures) pen.fillRect(x - ratio, 0, 2 * ratio, canvas.height);
  }

  #moment({ clientX }) {
    const { left, width } = this.box.getBoundingClientRect();
    const [start, end] = this.whole;
    return start + Math.min(Math.max((clientX - left) / width, 0), 1) * (end - start);
  }

  #move(event, drag) {
    drag.moves ||= Math.abs(event.clientX - drag.x) >= LEAST;
    if (!drag.moves) return;
    const at = this.#moment(event);
    const { from, held } = drag;
    this.zoom(held ? held.map((moment) => moment + at - from) : [Math.min(at, from), Math.max(at, from)]);
  }
}
