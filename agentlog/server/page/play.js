/* The moment that is looked at: a slider, and a clock that plays the run. */

import { place } from "./axis.js";
import { duration } from "./text.js";

const LONGEST = 20; // s that a run takes to play

export class Player {
  #frame = 0;

  /** `onMove(moment, isPlaying)` is told a moment, null for the whole run. */
  constructor(slider, button, onMove) {
    Object.assign(this, { slider, button, onMove });
    slider.addEventListener("input", () => {
      const [start, end] = this.whole;
      const part = slider.value / slider.max;
      this.press(false);
      onMove(part === 1 ? null : start + part * (end - start));
    });
  }

  show({ whole, at }) {
    const { slider } = this;
    Object.assign(this, { whole, at });
    slider.value = at === null ? slider.max : place(at, whole) * slider.max;
    slider.setAttribute("aria-valuetext", at === null ? "the whole run" : duration(at - whole[0]));
  }

  press(isPlaying = !this.#frame) {
    const [start, end] = this.whole;
    let last = performance.now();
    const step = (now) => {
      const at = this.at + (Math.max(0, now - last) / 1000) * Math.max(1, (end - start) / LONGEST);
      last = now;
      this.#frame = requestAnimationFrame(step);
      if (at >= end) this.press(false);
      this.onMove(at >= end ? null : at, true);
    };
    cancelAnimationFrame(this.#frame);
    if (isPlaying && this.at === null) this.onMove(start);
    this.#frame = isPlaying && requestAnimationFrame(step);
    this.button.textContent = isPlaying ? "❚❚" : "▶";
    this.button.ariaLabel = isPlaying ? "Pause" : "Play the run";
  }
}

export function teller(nodes) {
  const known = nodes.filter((node) => node.when !== null);
  const [starts, ends] = ["when", "ended"].map((field) => Float64Array.from(known, (node) => node[field] ?? Infinity));
  return (at) => {
    const [begun, ended] = [starts, ends].map((moments) => moments.filter((one) => one <= at).length);
    return `${begun - ended} open · ${ended} ended · ${known.length - begun} to come`;
  };
}
