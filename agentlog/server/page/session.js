/* The page of a session: one `view`, what the reader chose, and one way to change it, which draws and
   writes the address. What comes live makes a new `run` below it. */

import { read, write } from "./address.js";
import { spanOf, windowIn } from "./axis.js";
import { showInPane } from "./detail.js";
import { at, element, on, pause } from "./element.js";
import { onKeys } from "./keys.js";
import { onLive } from "./live.js";
import { onMap, showMap } from "./overview.js";
import { onMoment, play, showMoment } from "./play.js";
import { source } from "./source.js";
import { onTable, reach, repaintNow, selectRow, showBars, showItems, table } from "./table.js";
import { GLYPHS, clock, cost, count, duration, plural, safe, tokens } from "./text.js";
import { forest, markOf, rootCause, total, walk } from "./tree.js";
import { describe, isOpen, isWanted, reveal, search, took, visible } from "./view.js";

const PATIENCE = 250; // ms, as words are typed

let view = read();
let outline, run;
let rows = new Map(); // by id
let isSilent = false; // nobody sees whether it runs, as in a file
let isFollowing = false;
let due;
let rest = 0; // ms to build a run, and then to rest

// -- The run

function build() {
	const roots = forest([...rows.values()], isSilent);
	const nodes = walk(roots);
	const spent = total(roots, "spent");
	const cause = rootCause(roots);
	const last = roots.reduce((most, root) => Math.max(most, root.last), 0);
	run = {
		roots, nodes, last, cause,
		mark: markOf(cause),
		head: roots.find((root) => root.kind === "session") ?? roots[0],
		isLive: nodes.some((node) => node.state === "running"),
		failures: nodes.filter((node) => node.failed),
		model: nodes.some(({ model }) => model),
		tokens: tokens(spent),
		cost: cost(spent),
	};
	setNow();
	for (const name of ["model", "tokens", "cost"]) at("table").classList.toggle(`no-${name}`, !run[name]);
}

function setNow() {
	run.now = run.isLive ? Math.max(Date.now() / 1000, run.last) : null;
	run.whole = spanOf(run.head, run.nodes, run.now);
}

function update() {
	due ||= setTimeout(() => {
		const began = performance.now();
		due = 0;
		build();
		draw();
		rest = performance.now() - began;
	}, rest);
}

function draw() {
	showRows();
	showTime();
	drawHead();
	drawTools();
	if (isFollowing) follow(true);
}

function drawHead() {
	const { nodes, failures, last, whole } = run;
	const head = run.head?.isRoot ? run.head : null;
	const state = head?.state ?? "unknown";
	const facts = [
		clock(head?.started ?? whole[0]),
		head ? took(head, state, run.now) : duration(whole[1] - whole[0]),
		plural(nodes.length, "event"),
		run.tokens && `tokens ${run.tokens}`,
		run.cost && `cost ${run.cost}`,
		...(head?.tags ?? []).slice(0, 12).map((tag) => `#${safe(tag, 60)}`),
	];
	at("name").textContent = head ? safe(head.name, 300) : "a session without its root";
	document.title = `${GLYPHS[state]} ${at("name").textContent} · agentlog`;
	at("facts").replaceChildren(
		element(`span.state.${state}`, `${GLYPHS[state]} ${state}${state === "silent" ? ` since ${clock(last)}` : ""}`),
		element(failures.length ? "span.state.failed" : "span", plural(failures.length, "failure")),
		...facts.map((text) => element("span", text)),
	);
}

// -- The view

function change(changes, isStep = false) {
	const before = view;
	view = { ...view, ...changes };
	const isOther = (...names) => names.some((name) => before[name] !== view[name]);
	if (isOther("query")) lookUp();
	if (isOther("errors", "turned", "query")) showRows();
	else if (isOther("selected", "pane")) select();
	if (isOther("zoom", "at")) showTime();
	drawTools();
	write(view, isStep);
}

function showRows() {
	Object.assign(view, { matches: null, ways: null }, view.query.trim() && search(run.roots, view.query, view.found));
	const chosen = run.nodes.find((node) => node.key === view.selected && isWanted(node, view));
	if (chosen) reveal(chosen, run.roots, view);
	const items = visible(run.roots, view);
	showItems(items);
	at("nothing").textContent = items.length ? "" : view.query ? "nothing found" : "nothing failed";
	select();
}

function select() {
	selectRow(view.selected);
	const item = table.item ?? run.nodes.find((node) => node.id === view.selected?.replace("~", ""));
	at("pane").hidden = !view.pane || !item;
	if (!at("pane").hidden) showInPane(item, { ...run, ...outline, source });
}

function showTime() {
	const time = { whole: run.whole, until: run.now ?? run.whole[1], span: (view.zoom && windowIn(view.zoom, run.whole)) ?? run.whole, at: view.at };
	showBars(time);
	showMap(run.nodes, time);
	showMoment(time);
	const upTo = (field) => run.nodes.filter((node) => (node[field] ?? Infinity) <= view.at).length;
	at("moment").textContent = view.at === null ? ""
		: `+${duration(view.at - run.whole[0])}: ${upTo("when") - upTo("ended")} open · ${upTo("ended")} ended`;
}

function drawTools() {
	at("errors").ariaPressed = view.errors;
	at("whole").disabled = !view.zoom && view.at === null;
	at("follow").ariaPressed = isFollowing;
	at("live").hidden = at("follow").hidden = !run.isLive;
	at("found").textContent = view.matches ? `${count(view.matches.size)} found` : "";
	if (at("search").value !== view.query) at("search").value = view.query;
}

/* What rows have is found at once, what events carry later. */
async function lookUp() {
	const words = view.query.trim();
	const none = (view.found = new Set());
	await pause(PATIENCE);
	if (view.found !== none || words.length < 2) return;
	const found = await source.find(words).catch(() => []);
	if (view.found !== none || !found.length) return;
	view.found = new Set(found);
	showRows();
	drawTools();
}

// -- Moving

function goTo(node) {
	if (!node) return;
	change({ turned: new Set(view.turned), selected: node.key }, true);
	reach();
}

function step(by) {
	const index = Math.min(Math.max(table.selected + by, 0), table.items.length - 1);
	if (index < 0) return;
	change({ selected: table.items[index].key }, true);
	reach(index);
}

function goToNext(nodes, way = 1) {
	const here = table.item?.place ?? -1;
	const wanted = nodes.filter((node) => isWanted(node, view));
	goTo(wanted.find((node) => (node.place - here) * way > 0) ?? wanted[0]);
}

function toggle({ key }) {
	change({ turned: view.turned.symmetricDifference(new Set([key])), selected: key });
}

function unfold() {
	const open = table.item && isOpen(table.item, view);
	if (open) step(1);
	else if (open === false) toggle(table.item);
}

function fold() {
	const { item, items, selected } = table;
	if (item && isOpen(item, view)) return toggle(item);
	const parent = items.findLastIndex((other, index) => index < selected && other.indent < item.indent);
	if (parent >= 0) step(parent - selected);
}

// -- Time

/* The row of the last to start until a moment. */
function latest(moment) {
	return table.items.reduce((best, { when }, index) => (when <= moment && when >= table.items[best].when ? index : best), 0);
}

const zoom = (span) => change({ zoom: windowIn(span, run.whole) });

function zoomBy(factor, shift = 0) {
	const [start, end] = table.span;
	const length = (end - start) * factor;
	const first = (start + end - length) / 2 + shift * length;
	zoom([first, first + length]);
}

function zoomToItem() {
	const { when = null, ended } = table.item ?? {};
	if (view.zoom || when === null) return change({ zoom: null });
	const length = Math.max((ended ?? table.until) - when, (run.whole[1] - run.whole[0]) / 1000);
	zoom([when - length / 10, when + length * 1.1]);
}

// -- Live

function follow(isOn) {
	isFollowing = isOn;
	if (isOn) reach(table.items.length - 1);
	drawTools();
}

async function load() {
	outline = await source.outline();
	isSilent = !source.api || outline.is_silent;
	rows = new Map(outline.rows.map((row) => [row[0], row]));
}

const live = {
	rows(changed) {
		isSilent = false;
		for (const row of changed.rows) rows.set(row[0], row);
		update();
	},
	reload: () => load().then(() => (update(), outline.at)),
	state: (isListening) => (at("live").textContent = isListening ? "live" : "not connected"),
};

function tick() {
	if (!run.isLive || document.hidden) return;
	setNow();
	showTime();
	drawHead();
	select();
}

// -- The reader

const commands = {
	down: () => step(1),
	up: () => step(-1),
	pageDown: () => step(table.fitting),
	pageUp: () => step(-table.fitting),
	fold,
	unfold,
	first: () => step(-Infinity),
	last: () => step(Infinity),
	nextFailure: () => goToNext(run.failures),
	failureBefore: () => goToNext(run.failures.toReversed(), -1),
	errors() {
		change({ errors: !view.errors }, true);
		reach();
	},
	search: () => at("search").select(),
	pane() {
		change({ pane: !view.pane });
		at("table").focus();
	},
	zoom: zoomToItem,
	zoomIn: () => zoomBy(1 / 2),
	zoomOut: () => zoomBy(2),
	earlier: () => zoomBy(1, -1 / 4),
	later: () => zoomBy(1, 1 / 4),
	whole: () => change({ at: null, zoom: null }),
	play,
	follow: () => follow(!isFollowing),
	help: () => at("keys").showModal(),
	escape() {
		play(false);
		at("export")?.removeAttribute("open");
		at("table").focus();
		if (view.query) change({ query: "" }, true);
		else if (view.errors) commands.errors();
		else if (view.at !== null || view.zoom) commands.whole();
		else change({ pane: false });
		reach();
	},
};

function listen() {
	onTable((item) => describe(item, { ...run, view }), {
		select: ({ key }) => change({ selected: key, pane: true }, true),
		toggle,
		zoom: zoomToItem,
		scroll: (isAtEnd) => isFollowing && !isAtEnd && follow(false),
	});
	onMap(zoom, (moment) => step(latest(moment) - table.selected));
	onMoment((moment, isPlaying) => {
		change({ at: moment });
		if (isPlaying && moment !== null) reach(latest(moment));
	});
	on(window, "popstate", () => {
		change(read());
		reach();
	});
	onKeys(at("keys"), commands);
	on(window, "click", ({ target }) => target.type === "button" && commands[target.dataset.command]?.());
	on(at("search"), "input", ({ target }) => change({ query: target.value }, true));
	on(at("search"), "keydown", ({ key }) => key === "Enter" && goToNext([...(view.matches ?? [])]));
}

async function begin() {
	repaintNow(); // makes the rows while the outline is on its way
	await load();
	build();
	listen();
	at("table").focus({ preventScroll: true });
	const { head, cause, nodes, isLive } = run;
	if (view.selected === null && head) {
		const stopped = nodes.findLast(({ state }) => state === "interrupted");
		view.selected = ((!head.failed && stopped) || cause || head).id;
		isFollowing = isLive && view.selected === head.id;
		view.pane = view.selected !== head.id || matchMedia("(min-width: 900px)").matches;
	}
	lookUp();
	draw();
	if (!isFollowing) reach();
	repaintNow();
	write(view, false);
	if (!source.api) return;
	for (const link of document.querySelectorAll("[data-form]")) link.href = `${source.api}sessions/${source.id}/export/${link.dataset.form}`;
	onLive(`${source.api}live?session=${source.id}`, outline.at, live);
	setInterval(tick, 1000);
}

begin().catch(({ message }) => {
	at("run").hidden = at("tools").hidden = !run;
	at("nothing").textContent = `This session cannot be shown: ${safe(message)}`;
});
