/* The moment that is looked at: a slider, and a clock that plays the run. */

import { place } from "./axis.js";
import { at, on } from "./element.js";

const LONGEST = 20; // s that a run takes to play
const PER_SECOND = 30;

const slider = at("slider");
let time, timer, move;

/** `call(moment, isPlaying)` is told a moment, null for the whole run. */
export function onMoment(call) {
	move = call;
	on(slider, "input", () => {
		const [start, end] = time.whole;
		const part = slider.value / slider.max;
		play(false);
		move(part === 1 ? null : start + part * (end - start));
	});
}

export function showMoment({ whole, at: moment }) {
	time = { whole, moment };
	slider.value = moment === null ? slider.max : place(moment, whole) * slider.max;
}

/** Play, or pause. */
export function play(isPlaying = !timer) {
	const [start, end] = time.whole;
	const step = Math.max(1, (end - start) / LONGEST) / PER_SECOND;
	clearInterval(timer);
	if (isPlaying && time.moment === null) move(start);
	timer = isPlaying && setInterval(() => {
		const next = (time.moment ?? end) + step;
		if (next >= end) play(false);
		move(next >= end ? null : next, true);
	}, 1000 / PER_SECOND);
	at("play").textContent = isPlaying ? "❚❚" : "▶";
}
