/* The moment that is looked at: a slider, and a clock that plays the run. */

import { duration } from "./text.js";

const LONGEST = 20; // s that a run takes to play

export class Player {
  #frame = 0;
  #pace = 1;

  /** `onMove(moment, isPlaying)` is told a moment, null for the whole run. */
  constructor(slider, toggle, onMove) {
    Object.assign(this, { slider, toggle, onMove });
    slider.addEventListener("input", () => {
      this.pause();
      const part = slider.value / slider.max;
      onMove(part === 1 ? null : this.whole[0] + part * this.#length);
    });
    toggle.addEventListener("click", () => this.press());
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
      const speed = Math.max(1, this.#length / LONGEST) * this.#pace;
      const at = this.at + (Math.max(0, now - last) / 1000) * speed;
      last = now;
      this.#frame = requestAnimationFrame(step);
      if (at >= this.whole[1]) this.pause();
      this.onMove(at >= this.whole[1] ? null : at, true);
    };
    this.#tell(requestAnimationFrame(step));
  }

  pause() {
    cancelAnimationFrame(this.#frame);
    this.#tell(0);
  }

  faster(factor) {
    this.#pace *= factor;
  }

  #tell(frame) {
    this.#frame = frame;
    this.toggle.textContent = frame ? "❚❚" : "▶";
    this.toggle.ariaLabel = frame ? "Pause" : "Play the run";
  }
}

/** The starts and ends of events in order: what is open at a moment, and what comes next. */
export class Moments {
  constructor(nodes) {
    const known = nodes.filter((node) => node.when !== null);
    this.starts = Float64Array.from(known, (node) => node.when).sort();
    this.ends = Float64Array.from(known, (node) => node.ended ?? Infinity).sort();
  }

  /** Say what was open, had ended and was to come at a moment. */
  tell(at) {
    const [begun, ended] = [upTo(this.starts, at), upTo(this.ends, at)];
    return `${begun - ended} open · ${ended} ended · ${this.starts.length - begun} to come`;
  }

  /** Return the next start or end behind a moment, or the last before it; null if there is none. */
  next(at, isBack) {
    const found = [this.starts, this.ends].map((all) => {
      let i = upTo(all, at);
      if (isBack) do i--; while (all[i] >= at);
      return all[i];
    }).filter(Number.isFinite);
    return found.length ? Math[isBack ? "max" : "min"](...found) : null;
  }
}

function upTo(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
