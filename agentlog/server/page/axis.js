/* The axis of time: what it spans, where a moment lies on it, which ticks it has.

   Pure. Moments are seconds since the epoch, places go from 0 to 1. */

import { count } from "./text.js";
import { walk } from "./tree.js";

const STEPS = [1, 2, 5];
const LEAST = 1e-6;
const ROOM = 1.2;

/** Return what the bars span: the session's time, else its events'. What runs has run up to `now`,
    null where that is not known; then there is room behind it, so that the bars need not be scaled
    anew all the time. `before` is the span until now. */
export function spanOf(roots, now, before = null) {
  const head = roots.find((root) => root.kind === "session");
  if (head && head.started !== null && head.ended !== null && head.ended > head.started) {
    return [head.started, head.ended];
  }
  let [start, end, isRunning] = [Infinity, -Infinity, false];
  for (const { started, ended, state } of walk(roots)) {
    start = Math.min(start, started ?? ended ?? Infinity);
    end = Math.max(end, ended ?? started ?? -Infinity);
    isRunning ||= state === "running";
  }
  if (end < start) return [0, 0];
  if (!isRunning || now === null) return [start, end];
  const reached = Math.max(end, now);
  const keeps = before && before[0] === start && before[1] >= reached;
  return [start, keeps ? before[1] : start + (reached - start) * ROOM];
}

/** Where a moment lies between two others. */
export function place(moment, [start, end]) {
  return end > start ? (moment - start) / (end - start) : 0;
}

/** Return a window within the whole, null if it is all of it. */
export function windowIn([start, end], whole) {
  const length = Math.min(Math.max(end - start, LEAST), whole[1] - whole[0]);
  if (length >= (whole[1] - whole[0]) * 0.999) return null;
  const first = Math.min(Math.max(start, whole[0]), whole[1] - length);
  return [first, first + length];
}

/** Return the ticks of a window, at most so many, as `[moment, label]` with times since `origin`. */
export function ticks([start, end], origin, most) {
  if (!(end > start)) return [];
  const step = stepOf((end - start) / Math.max(1, most));
  const found = [];
  for (let n = Math.ceil((start - origin) / step); origin + n * step <= end; n++) {
    found.push([origin + n * step, label(n * step, step)]);
  }
  return found;
}

function stepOf(least) {
  if (least > 30) return [60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200].find((step) => step >= least) ?? Math.ceil(least / 86400) * 86400;
  const power = 10 ** Math.floor(Math.log10(least));
  const factor = STEPS.find((one) => one * power >= least * 0.999) ?? 10;
  return factor * power === 50 ? 60 : factor * power;
}

function label(offset, step) {
  if (offset === 0) return "0";
  if (step < 1e-3 && offset < 1) return `${count(Math.round(offset * 1e6))} µs`;
  if (step < 1 && offset < 1) return `${Math.round(offset * 1e3)} ms`;
  if (step < 1) return `${offset.toFixed(Math.ceil(-Math.log10(step)))} s`;
  if (offset < 60) return `${Math.round(offset)} s`;
  const [hours, minutes, seconds] = [offset / 3600, (offset / 60) % 60, offset % 60].map((one) => Math.floor(one + 1e-6));
  const two = (value) => String(value % 60).padStart(2, "0");
  return hours ? `${hours}h${two(minutes)}m` : `${minutes}m${two(seconds)}s`;
}
