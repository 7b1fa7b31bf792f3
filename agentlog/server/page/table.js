/* The table: tree and waterfall at once. A pool of rows, as many as can be seen, is moved by transforms,
   and drawn when another item comes to one. */

import { place, ticks } from "./axis.js";
import { at, element, on } from "./element.js";
import { safe } from "./text.js";

const BEYOND = 3;
const DEEPEST = 24;
const LONGEST = 400;
const PIXELS = 50; // of a label of time

const grid = at("table");
const [head, space] = grid.children;
const pool = [];
let places = new Map();
let height = 24;
let isDue, describe;

/** What runs has run `until`; `at` is the moment that is looked at, or null. */
export const table = { items: [], item: null, selected: -1, whole: [0, 0], span: [0, 0], at: null };

export function onTable(words, tell) {
	describe = words;
	on(grid, "scroll", () => {
		paint();
		tell.scroll(grid.scrollTop + room() >= (table.items.length - 1) * height);
	}, { passive: true });
	on(space, "click", ({ target }) => {
		const item = table.items[target.closest(".row")?.index];
		if (item) tell[target.className === "fold" && target.textContent ? "toggle" : "select"](item);
	});
	on(space, "dblclick", tell.zoom);
	new ResizeObserver(repaint).observe(grid);
}

const room = () => grid.clientHeight - head.offsetHeight;

/** Show rows. What was first in view stays there. */
export function showItems(items) {
	const top = Math.floor(grid.scrollTop / height);
	places = new Map(items.map(({ key }, index) => [key, index]));
	const moved = (places.get(table.items[top]?.key) ?? top) - top;
	table.items = items;
	grid.ariaRowCount = items.length + 1;
	space.style.height = `${items.length * height}px`;
	if (moved) grid.scrollTop += moved * height;
}

export function selectRow(key) {
	table.selected = places.get(key) ?? -1;
	table.item = table.items[table.selected] ?? null;
	repaint();
}

export function showBars(time) {
	Object.assign(table, time);
	repaint();
}

/** Bring a row into view; without one, the selected into the middle. */
export function reach(row) {
	const index = row ?? table.selected;
	const top = index * height;
	const bottom = top + height - room();
	if (top >= grid.scrollTop && bottom <= grid.scrollTop) return;
	grid.scrollTop = row === undefined ? (top + bottom) / 2 : top < grid.scrollTop ? top : bottom;
}

function repaint() {
	if (!isDue) requestAnimationFrame(() => isDue && repaintNow());
	isDue = true;
}

export function repaintNow() {
	isDue = false;
	height = parseFloat(getComputedStyle(space).getPropertyValue("--row"));
	table.fitting = Math.floor(room() / height);
	space.style.height = `${table.items.length * height}px`;
	while (pool.length < table.fitting + 2 * BEYOND) {
		const row = at("row").content.firstChild.cloneNode(true);
		row.id = `row${pool.push(row)}`;
		row.parts = Object.fromEntries([...row.querySelectorAll("*")].map((part) => [part.className, part]));
		space.append(row);
	}
	for (const row of pool) row.index = -1;
	paintHead();
	paint();
}

function paint() {
	const first = Math.max(0, Math.floor(grid.scrollTop / height) - BEYOND);
	let active = "";
	for (let index = first; index < first + pool.length; index++) {
		const row = pool[index % pool.length];
		row.hidden = index >= table.items.length;
		if (row.hidden) continue;
		if (row.index !== index) draw(row, index, table.items[index]);
		if (index === table.selected) active = row.id;
	}
	grid.setAttribute("aria-activedescendant", active);
}

function draw(row, index, item) {
	const { state, open, isMatch, ...texts } = describe(item);
	const isSelected = index === table.selected;
	row.className = `row ${state ?? "later"}${isSelected ? " selected" : ""}${isMatch ? " match" : ""}`;
	row.style.transform = `translateY(${index * height}px)`;
	row.style.setProperty("--level", Math.min(item.indent, DEEPEST));
	Object.assign(row, { index, ariaLevel: item.indent + 1, ariaRowIndex: index + 2, ariaSelected: isSelected, ariaExpanded: open });
	for (const name in texts) {
		const text = safe(texts[name], LONGEST);
		if (row.parts[name].textContent !== text) row.parts[name].textContent = text;
	}
	drawBar(row.parts.bar, item, row.parts.kind.textContent);
	row.parts.bar.hidden ||= state === null;
}

function drawBar(bar, { when, ended }, kind) {
	const end = Math.min(ended ?? table.until, table.at ?? Infinity);
	const [left, right] = [when, end].map((moment) => Math.min(Math.max(place(moment, table.span), -0.1), 1.1) * 100);
	bar.hidden = when === null || right < 0 || left > 100;
	Object.assign(bar.style, { left: `min(${left}%, 100% - 2px)`, width: `${Math.max(right - left, 0)}%` });
	bar.dataset.kind = kind;
	bar.className = `bar${ended === end ? "" : " open"}`;
}

function paintHead() {
	const cell = head.lastElementChild;
	const marks = ticks(table.span, table.whole[0], Math.floor(cell.clientWidth / PIXELS));
	cell.replaceChildren(...[...marks, [table.at, ""]].map(([moment, label]) => {
		const from = place(moment, table.span);
		const isCut = (1 - from) * cell.clientWidth < PIXELS;
		const mark = element(label ? "div.tick" : "div.moment", isCut ? "" : label);
		mark.style.left = `${from * 100}%`;
		mark.hidden = moment === null || from < 0 || from > 1;
		return mark;
	}));
}
