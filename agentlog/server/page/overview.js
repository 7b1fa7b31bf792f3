/* The minimap: the whole run by depth, its failures above all, and the window of time in it.

   Dragging draws a window, moves it, or pulls at its ends; a click goes to what is there. */

import { place } from "./axis.js";

const LANES = 9;
const NEAR = 6; // pixels
const OPACITY = [0, 0.4, 1]; // of nothing; of what has children, as its time is also theirs; of all else

export class Overview {
  #drag = null;

  /** `on` has `zoom(span)` and `pick(moment)`. */
  constructor(box, on) {
    Object.assign(this, { box, on });
    [this.canvas, this.frame, this.line] = box.children;
    box.addEventListener("pointerdown", (event) => {
      if (event.button || !this.whole) return;
      box.setPointerCapture(event.pointerId);
      this.#drag = this.#grip(event);
    });
    box.addEventListener("pointermove", (event) => this.#move(event));
    box.addEventListener("pointerup", (event) => {
      if (this.#drag && !this.#drag.moves) on.pick(this.#moment(event));
      this.#drag = null;
    });
    new ResizeObserver(() => this.draw()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Show other events; `whole` is the time of the run, `until` to where what runs has run. */
  show(nodes, whole, until) {
    Object.assign(this, { nodes, whole, until });
    this.draw();
  }

  /** Show the window, null for none, and the moment that is looked at, or null. */
  mark(zoom, at) {
    this.zoom = zoom;
    const lay = (mark, moments) => {
      mark.hidden = !moments;
      const [from, to] = (moments ?? []).map((moment) => place(moment, this.whole) * 100);
      Object.assign(mark.style, { left: `${from}%`, width: to > from ? `${to - from}%` : "" });
    };
    lay(this.frame, zoom);
    lay(this.line, at === null ? null : [at]);
  }

  draw() {
    const { canvas, whole } = this;
    const ratio = devicePixelRatio;
    const width = (canvas.width = Math.round(canvas.clientWidth * ratio));
    canvas.height = Math.round(canvas.clientHeight * ratio);
    if (!whole || !width) return;
    const column = (moment) => Math.min(width - 1, Math.floor(place(moment, whole) * width));
    const filled = new Uint8Array(width * LANES);
    const failures = new Set();
    for (const { when, ended, depth, children, failed } of this.nodes) {
      if (when === null) continue;
      const last = column(ended ?? this.until);
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

  /* What is taken hold of: one end of a window, of which the other is `from`, or all of it. */
  #grip(event) {
    const from = this.#moment(event);
    const { clientX: x } = event;
    if (!this.zoom) return { x, from };
    const near = (NEAR / this.box.clientWidth) * (this.whole[1] - this.whole[0]);
    const [start, end] = this.zoom;
    if (Math.abs(from - start) < near) return { x, from: end };
    if (Math.abs(from - end) < near) return { x, from: start };
    return { x, from, held: from > start && from < end && this.zoom };
  }

  #move(event) {
    const drag = this.#drag;
    if (!drag || (!drag.moves && Math.abs(event.clientX - drag.x) < 3)) return;
    drag.moves = true;
    const at = this.#moment(event);
    const { from, held } = drag;
    this.on.zoom(held ? held.map((moment) => moment + at - from) : [Math.min(at, from), Math.max(at, from)]);
  }
}
