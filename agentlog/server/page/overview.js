/* The minimap: the whole run, its failures above all, and the window of time in it.

   Dragging draws a window, moves it, or pulls at its ends; a click goes to what is there. */

import { place } from "./axis.js";

const LANES = 9;
const NEAR = 6;
const FAINT = 0.4; // what has children, as its time is also theirs

export class Overview {
  #nodes = [];
  #drag = null;

  /** `on` has `zoom(span or null)` and `pick(moment, tolerance)`. */
  constructor(box, on) {
    this.box = box;
    this.canvas = box.querySelector("canvas");
    [this.frame, this.line] = box.querySelectorAll("div");
    this.on = on;
    box.addEventListener("pointerdown", (event) => this.#press(event));
    box.addEventListener("pointermove", (event) => this.#move(event));
    box.addEventListener("pointerup", (event) => this.#release(event));
    box.addEventListener("pointercancel", () => (this.#drag = null));
    box.addEventListener("dblclick", () => on.zoom(null));
    new ResizeObserver(() => this.draw()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Show other events; `whole` is the time of the run, `until` to where what runs has run. */
  show(nodes, whole, until) {
    this.#nodes = nodes;
    this.whole = whole;
    this.until = until;
    this.draw();
  }

  /** Show the window, null for none, and the moment that is looked at, or null. */
  mark(zoom, at) {
    this.zoom = zoom;
    this.frame.hidden = !zoom;
    this.line.hidden = at === null;
    if (zoom) {
      const [left, right] = zoom.map((moment) => place(moment, this.whole) * 100);
      this.frame.style.left = `${left}%`;
      this.frame.style.width = `${right - left}%`;
    }
    if (at !== null) this.line.style.left = `${place(at, this.whole) * 100}%`;
  }

  draw() {
    const { canvas, whole } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((one) => Math.round(one * devicePixelRatio));
    if (!whole || !width) return;
    [canvas.width, canvas.height] = [width, height];
    const style = getComputedStyle(canvas);
    const pen = canvas.getContext("2d");
    const lane = height / LANES;
    const failures = new Set();
    const filled = new Uint8Array(width * LANES);
    for (const node of this.#nodes) {
      const { when, ended, depth } = node;
      if (when === null) continue;
      const first = Math.min(width - 1, Math.floor(place(when, whole) * width));
      const last = Math.min(width - 1, Math.ceil(place(ended ?? this.until, whole) * width) - 1);
      const from = Math.min(depth, LANES - 1) * width;
      filled.fill(node.children.length ? 1 : 2, from + first, from + Math.max(first, last) + 1);
      if (node.failed && !node.children.some((child) => child.failed)) {
        failures.add(Math.min(width - 1, Math.floor(place(ended ?? when, whole) * width)));
      }
    }
    pen.fillStyle = style.borderTopColor; // as colours of properties only are computed
    for (let row = 0; row < LANES; row++) {
      for (let x = 0; x < width; x++) {
        const kind = filled[row * width + x];
        if (!kind) continue;
        const first = x;
        while (x + 1 < width && filled[row * width + x + 1] === kind) x++;
        pen.globalAlpha = kind === 2 ? 1 : FAINT;
        pen.fillRect(first, row * lane, x + 1 - first, Math.max(1, lane - devicePixelRatio));
      }
    }
    pen.globalAlpha = 1;
    pen.fillStyle = style.color;
    for (const x of failures) pen.fillRect(x - devicePixelRatio, 0, 2 * devicePixelRatio, height);
  }

  #moment(event) {
    const { left, width } = this.box.getBoundingClientRect();
    const at = Math.min(Math.max((event.clientX - left) / width, 0), 1);
    return this.whole[0] + at * (this.whole[1] - this.whole[0]);
  }

  #press(event) {
    if (event.button || !this.whole) return;
    this.box.setPointerCapture(event.pointerId);
    this.#drag = { x: event.clientX, ...this.#grip(event) };
  }

  /* What is taken hold of: an end of the window (then `from` is the other), all of it, or nothing. */
  #grip(event) {
    const at = this.#moment(event);
    const near = this.#tolerance(NEAR);
    if (!this.zoom) return { from: at };
    const [start, end] = this.zoom;
    if (Math.abs(at - start) < near) return { from: end };
    if (Math.abs(at - end) < near) return { from: start };
    return at > start && at < end ? { held: at, zoom: this.zoom } : { from: at };
  }

  #tolerance(pixels) {
    return (pixels / this.box.clientWidth) * (this.whole[1] - this.whole[0]);
  }

  #move(event) {
    const drag = this.#drag;
    if (!drag || (!drag.moves && Math.abs(event.clientX - drag.x) < 3)) return;
    drag.moves = true;
    const at = this.#moment(event);
    if (drag.held === undefined) this.on.zoom([Math.min(at, drag.from), Math.max(at, drag.from)]);
    else this.on.zoom(drag.zoom.map((moment) => moment + at - drag.held));
  }

  #release(event) {
    if (this.#drag && !this.#drag.moves) this.on.pick(this.#moment(event), this.#tolerance(NEAR));
    this.#drag = null;
  }
}
