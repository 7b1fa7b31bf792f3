/* The moment that is looked at: a slider, and a clock that plays the run. */

import { place } from "./axis.js";
import { at as found } from "./element.js";
import { duration } from "./text.js";

const LONGEST = 20; // s that a run takes to play

const slider = found("slider");
let time = null;
let frame = 0;
let move = null;

/** `call(moment, isPlaying)` is told a moment, null for the whole run. */
export function onMoment(call) {
  move = call;
  slider.addEventListener("input", () => {
    const [start, end] = time.whole;
    const part = slider.value / slider.max;
    play(false);
    move(part === 1 ? null : start + part * (end - start));
  });
}

export function showMoment({ whole, at }) {
  time = { whole, at };
  slider.value = at === null ? slider.max : place(at, whole) * slider.max;
  slider.setAttribute("aria-valuetext", at === null ? "the whole run" : duration(at - whole[0]));
}

/** Play, or pause. */
export function play(isPlaying = !frame) {
  const [start, end] = time.whole;
  let last = performance.now();
  const step = (now) => {
    const at = time.at + (Math.max(0, now - last) / 1000) * Math.max(1, (end - start) / LONGEST);
    last = now;
    frame = requestAnimationFrame(step);
    if (at >= end) play(false);
    move(at >= end ? null : at, true);
  };
  cancelAnimationFrame(frame);
  if (isPlaying && time.at === null) move(start);
  frame = isPlaying && requestAnimationFrame(step);
  found("play").textContent = isPlaying ? "❚❚" : "▶";
  found("play").ariaLabel = isPlaying ? "Pause" : "Play the run";
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
