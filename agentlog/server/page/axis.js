/* The axis of time. Moments are seconds since the epoch, places go from 0 to 1. */

import { duration } from "./text.js";

const LEAST = 1e-6;
const DAY = 86400;
const LONG_STEPS = [60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200];

/** The time of the session, else of its `nodes`, to `now` if something runs. */
export function spanOf(head, nodes, now) {
	if (head?.kind === "session" && head.started !== null && head.ended > head.started) return [head.started, head.ended];
	const start = nodes.reduce((least, { when }) => Math.min(least, when ?? Infinity), Infinity);
	const end = nodes.reduce((most, { when, ended }) => Math.max(most, when, ended), now);
	return end < start ? [0, 0] : [start, end];
}

export const place = (moment, [start, end]) => (end > start ? (moment - start) / (end - start) : 0);

/** A window as it fits into the whole, null if it is all. */
export function windowIn([start, end], whole) {
	const length = Math.max(end - start, LEAST);
	if (length >= (whole[1] - whole[0]) * 0.999) return null;
	const first = Math.min(Math.max(start, whole[0]), whole[1] - length);
	return [first, first + length];
}

/** At most so many `[moment, label]`, of times since `origin`. */
export function ticks([start, end], origin, most) {
	const found = [];
	if (!(end > start) || most < 1) return found;
	const step = stepOf((end - start) / most);
	for (let n = Math.ceil((start - origin) / step); origin + n * step <= end; n++) {
		found.push([origin + n * step, label(n * step, step)]);
	}
	return found;
}

function stepOf(least) {
	if (least > 20) return LONG_STEPS.find((step) => step >= least) ?? Math.ceil(least / DAY) * DAY;
	const power = 10 ** Math.floor(Math.log10(least));
	return power * [1, 2, 5, 10].find((one) => one * power >= least * 0.999);
}

function label(offset, step) {
	if (offset === 0) return "0";
	if (offset >= 60 && step >= 1) return duration(offset);
	const [times, unit] = offset >= 1 ? [1, "s"] : [1e3, "ms"];
	return `${(offset * times).toFixed(Math.max(0, Math.ceil(-Math.log10(step * times))))} ${unit}`;
}
