/* The moment that is looked at: a slider, and a clock that plays the run. */

import { duration } from "./text.js";

const LONGEST = 20;
const STEPS = 10_000;

export class Player {
  #frame = 0;
  #speed = 1;

  /** `onMove(at)` is told a moment, null for the whole run. */
  constructor(slider, toggle, onMove) {
    this.slider = slider;
    this.toggle = toggle;
    this.onMove = onMove;
    slider.max = String(STEPS);
    slider.addEventListener("input", () => {
      this.pause();
      const isWhole = slider.valueAsNumber === STEPS;
      onMove(isWhole ? null : this.whole[0] + (slider.valueAsNumber / STEPS) * this.#length);
    });
    toggle.addEventListener("click", () => this.press());
  }

  get #length() { return this.whole[1] - this.whole[0]; }
  get isPlaying() { return this.#frame !== 0; }
  get speed() { return Math.max(1, this.#length / LONGEST) * this.#speed; }

  set(whole, at) {
    this.whole = whole;
    this.at = at;
    const part = at === null ? 1 : this.#length ? (at - whole[0]) / this.#length : 1;
    this.slider.value = String(Math.round(part * STEPS));
    this.slider.ariaValueText = at === null ? "the whole run" : `+${duration(at - whole[0])}`;
  }

  press() {
    if (this.isPlaying) return this.pause();
    let last = performance.now();
    if (this.at === null) this.onMove(this.whole[0]);
    const step = (now) => {
      const at = this.at + ((now - last) / 1000) * this.speed;
      last = now;
      this.#frame = requestAnimationFrame(step);
      if (at >= this.whole[1]) this.pause();
      this.onMove(at >= this.whole[1] ? null : at);
    };
    this.#frame = requestAnimationFrame(step);
    this.#tell();
  }

  pause() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#tell();
  }

  faster(factor) {
    this.#speed = Math.min(Math.max(this.#speed * factor, 1 / 64), 64);
  }

  #tell() {
    this.toggle.textContent = this.isPlaying ? "❚❚" : "▶";
    this.toggle.ariaLabel = this.isPlaying ? "Pause" : "Play the run";
  }
}

/** The starts and ends of events in order, to count what is open at a moment, and to step along. */
export class Moments {
  constructor(nodes) {
    const sorted = (values) => Float64Array.from(values.filter((one) => one !== null)).sort();
    this.starts = sorted(nodes.map((node) => node.when));
    this.ends = sorted(nodes.map((node) => (node.when === null ? null : node.ended)));
  }

  /** Say what was open, had ended and was to come at a moment. */
  tell(at) {
    const [begun, ended] = [upTo(this.starts, at), upTo(this.ends, at)];
    return `${begun - ended} open · ${ended} ended · ${this.starts.length - begun} to come`;
  }

  /** The next start or end behind a moment, or before it; null where there is none. */
  next(at, isBack) {
    const found = [this.starts, this.ends].map((moments) => {
      let i = upTo(moments, at) - (isBack ? 1 : 0);
      while (isBack && moments[i] >= at) i--;
      return moments[i];
    }).filter((one) => one !== undefined);
    if (!found.length) return null;
    return isBack ? Math.max(...found) : Math.min(...found);
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
