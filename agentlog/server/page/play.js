/* The moment that is looked at: a slider, and a clock that plays the run. */

import { duration } from "./text.js";

const LONGEST = 20; // s that a run takes to play

export class Player {
  #frame = 0;

  /** `onMove(moment, isPlaying)` is told a moment, null for the whole run. */
  constructor(slider, toggle, onMove) {
    Object.assign(this, { slider, toggle, onMove });
    slider.addEventListener("input", () => {
      this.pause();
      const part = slider.value / slider.max;
      onMove(part === 1 ? null : this.whole[0] + part * this.#length);
    });
  }

  get #length() { return this.whole[1] - this.whole[0]; }

  set(whole, at) {
    Object.assign(this, { whole, at });
    const part = at === null || !this.#length ? 1 : (at - whole[0]) / this.#length;
    this.slider.value = Math.round(part * this.slider.max);
    this.slider.setAttribute("aria-valuetext", at === null ? "the whole run" : duration(at - whole[0]));
  }

  press() {
    if (this.#frame) return this.pause();
    if (this.at === null) this.onMove(this.whole[0]);
    let last = performance.now();
    const step = (now) => {
      const at = this.at + (Math.max(0, now - last) / 1000) * Math.max(1, this.#length / LONGEST);
      const isEnd = at >= this.whole[1];
      last = now;
      this.#frame = requestAnimationFrame(step);
      if (isEnd) this.pause();
      this.onMove(isEnd ? null : at, true);
    };
    this.#tell(requestAnimationFrame(step));
  }

  pause() {
    cancelAnimationFrame(this.#frame);
    this.#tell(0);
  }

  #tell(frame) {
    this.#frame = frame;
    this.toggle.textContent = frame ? "❚❚" : "▶";
    this.toggle.ariaLabel = frame ? "Pause" : "Play the run";
  }
}

/** Return what tells what was open, had ended and was to come at a moment. */
export function teller(nodes) {
  const known = nodes.filter((node) => node.when !== null);
  const [starts, ends] = ["when", "ended"].map((field) => Float64Array.from(known, (node) => node[field] ?? Infinity));
  return (at) => {
    const [begun, ended] = [starts, ends].map((moments) => moments.filter((one) => one <= at).length);
    return `${begun - ended} open · ${ended} ended · ${known.length - begun} to come`;
  };
}
