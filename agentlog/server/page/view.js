/* Which rows are shown, and what they say, as in agentlog/replay/rows.py. */

import { GLYPHS, cost, count, duration, tokens } from "./text.js";
import { elapsed, fold, total, walk } from "./tree.js";

const UNSPOKEN = ["succeeded", "indeterminate", null];

/** Return the rows, each with its `indent`. `view.turned` is what is closed, but for a fold open. */
export function visible(roots, view) {
	const put = (items, indent) => items.map((item) => Object.assign(item, { indent }));
	const below = (item) => (isOpen(item, view) ? put(item.nodes ?? folded(item.children, view), item.indent + 1) : []);
	return walk(put(folded(roots, view), 0), below);
}

/** Whether a row shows what is below it; null where nothing is. */
export function isOpen(item, view) {
	const isTurned = view.turned.has(item.key);
	if (item.nodes) return isTurned;
	return item.children.some((node) => isWanted(node, view)) ? !isTurned : null;
}

export const isWanted = (node, view) => (!view.errors || node.failures + node.cut > 0) && (!view.ways || view.ways.has(node));

const folded = (nodes, view) => fold(nodes.filter((node) => isWanted(node, view)));

/** Change `view` so that an event is on a row of its own. */
export function reveal(node, roots, view) {
	for (let at = node; at; at = at.parent) {
		if (at !== node) view.turned.delete(at.id);
		const within = folded(at.parent?.children ?? roots, view).find((item) => item.nodes?.includes(at));
		if (within) view.turned.add(within.key);
	}
}

/** The events in which all the words stand, or that were `found`, and the ways there. */
export function search(roots, query, found) {
	const words = query.toLowerCase().split(/\s+/);
	const matches = walk(roots).filter((node) => found.has(node.id) || isMatch(node, words));
	const ways = new Set();
	for (const match of matches) {
		for (let at = match; at && !ways.has(at); at = at.parent) ways.add(at);
	}
	return { matches: new Set(matches), ways };
}

/* By all but its parent and its times. */
function isMatch({ id, state, row }, words) {
	const text = [id, state, row.slice(2, 4), row.slice(6)].join(" ").toLowerCase();
	return words.every((word) => text.includes(word));
}

/** Put a row into words, by their classes. What had not begun `view.at` a moment has no `state`. */
export function describe(item, { view, cause, mark, now }) {
	const nodes = item.nodes ?? [item];
	const [node] = nodes;
	const { at } = view;
	const { when, ended } = item;
	const state = at === null || when === null ? node.state : when > at ? null : ended > at ? "running" : node.state;
	const isPast = state === node.state;
	const open = isOpen(item, view);
	const failures = node.failures - node.failed;
	const notes = [
		!UNSPOKEN.includes(state) && state,
		shared(nodes, "logger"),
		isPast && !node.failed && node.reason,
		isPast && !item.nodes && (node.error ?? (node.failed && node.reason)),
		isPast && item.longest && `longest ${duration(item.longest)}`,
		open === false && !item.nodes && `… ${count(node.events - 1)} below${failures ? `, ${count(failures)} failed` : ""}`,
	];
	return {
		state, open,
		isMatch: view.matches?.has(node),
		fold: { true: "▾", false: "▸" }[open] ?? "",
		glyph: GLYPHS[state] ?? "",
		title: node.name,
		times: item.nodes ? `×${count(nodes.length)}` : "",
		cause: item === cause && isPast ? mark : "",
		note: notes.filter(Boolean).join("  ·  "),
		kind: node.kind === "log" && node.level ? `log ${node.level}` : node.kind,
		model: shared(nodes, "model") ?? "",
		tokens: isPast ? tokens(total(nodes, "own")) : "",
		cost: isPast ? cost(total(nodes, "spent")) : "",
		duration: state ? took(item, state, at ?? now) : "",
	};
}

/** How long something took; with a `+`, at least. */
export function took({ nodes, total, started, ended, last, duration: known }, state, now) {
	if (nodes) return state !== "running" && total ? duration(total) : "";
	if (started !== null && started === ended) return "";
	if (state === "running" && now !== null) return duration(elapsed(started, now));
	return ended === null && last > started ? `${duration(last - started)}+` : duration(known);
}

const shared = (nodes, field) => (nodes.every((node) => node[field] === nodes[0][field]) ? nodes[0][field] : null);
