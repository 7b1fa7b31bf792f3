/* The minimap: the whole run by depth, its failures above all. A drag draws a window of time, or moves
   it; a click goes to what is there. */

import { place } from "./axis.js";
import { at, on } from "./element.js";

const LANES = 9;
const LEAST = 3; // pixels of a drag

const box = at("map");
const [canvas, frame, line] = box.children;
let nodes = [];
let time = { whole: [0, 0] };
let drag;

export function showMap(others, other) {
	const isOther = others !== nodes || other.whole[1] !== time.whole[1];
	[nodes, time] = [others, other];
	if (isOther) redraw();
	lay(frame, time.span, time.span !== time.whole);
	lay(line, [time.at, time.at], time.at !== null);
}

function lay(mark, span, isThere) {
	const [from, to] = span.map((moment) => place(moment, time.whole) * 100);
	mark.hidden = !isThere;
	Object.assign(mark.style, { left: `${from}%`, right: `${100 - to}%` });
}

/* The rows come first. */
const redraw = () => requestAnimationFrame(() => setTimeout(draw));

function draw() {
	const ratio = devicePixelRatio;
	const width = (canvas.width = canvas.clientWidth * ratio);
	const height = (canvas.height = canvas.clientHeight * ratio);
	const pen = canvas.getContext("2d");
	const { color, borderTopColor, borderRightColor } = getComputedStyle(canvas); // only colours are computed
	const column = (moment) => Math.floor(place(moment ?? time.until, time.whole) * width);
	const known = nodes.filter((node) => node.when !== null);
	for (const { when, ended, depth, children } of known) {
		pen.fillStyle = children.length ? borderRightColor : borderTopColor;
		pen.fillRect(column(when), (Math.min(depth, LANES - 1) * height) / LANES, column(ended) - column(when) + 1, height / LANES - ratio);
	}
	pen.fillStyle = color;
	for (const { ended, failed, children } of known) {
		if (failed && !children.some((child) => child.failed)) pen.fillRect(column(ended) - ratio, 0, 2 * ratio, height);
	}
}

function momentOf({ clientX }) {
	const { left, width } = box.getBoundingClientRect();
	const [start, end] = time.whole;
	return start + Math.min(Math.max((clientX - left) / width, 0), 1) * (end - start);
}

export function onMap(zoom, pick) {
	on(box, "pointerdown", (event) => {
		const from = momentOf(event);
		const { whole, span } = time;
		box.setPointerCapture(event.pointerId);
		drag = { x: event.clientX, from, held: span !== whole && from > span[0] && from < span[1] && span };
	});
	on(box, "pointermove", (event) => {
		if (!drag || event.buttons !== 1 || (!drag.moves && Math.abs(event.clientX - drag.x) < LEAST)) return;
		const { from, held } = drag;
		const to = momentOf(event);
		drag.moves = true;
		zoom(held ? held.map((moment) => moment + to - from) : [Math.min(to, from), Math.max(to, from)]);
	});
	on(box, "pointerup", (event) => {
		if (!drag?.moves) pick(momentOf(event));
		drag = null;
	});
	new ResizeObserver(redraw).observe(box);
	on(matchMedia("(prefers-color-scheme: dark)"), "change", redraw);
}
