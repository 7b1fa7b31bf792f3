/* The list of sessions: newest first, live, each a link to its page, two of them to their comparison.

   The rule of this file: what the reader looks for and has chosen stands in the fragment of the
   address, and what is shown follows from it. The collector filters; what it tells live is filtered
   in the same way. */

import { at, element, on } from "./element.js";
import { onKeys } from "./keys.js";
import { List } from "./list.js";
import { onLive } from "./live.js";
import { GLYPHS, clock, cost, count, duration, plural, safe, tokens } from "./text.js";
import { stateOf } from "./tree.js";

const FIRST = 100; // soon there
const MORE = 2000;
const AT_ONCE = 10_000; // the rest is asked for by who comes near
const EVENTS = 20;
const PAUSE = 250; // ms; browsers refuse an address that changes with every press of a key held down
const BEFORE = 40; // characters of what was found, before the words
const ASKED = 200; // sessions whose costs are asked for at once
const SETTLED = 100; // ms without another row in view
const QUIET = 600; // s without a word: it may be silent by now, which nobody tells
const FIELDS = ["q", "state", "tag"];
const api = new URL("../v1/", import.meta.url).href;
const made = (id) => at(id).content.firstElementChild.cloneNode(true);
const said = (text) => safe(String(text || "unnamed").slice(0, 300));
const told = (state) => `${GLYPHS[state]} ${state}`;
const pageOf = (...ids) => new URL(`../${ids[1] ? "compare" : "sessions"}/${ids.map(encodeURIComponent).join("/")}`, api).href;

let view = {};
let marked = []; // ids, at most two
let known = new Map();
let isMore = false;
let hits = 0; // events that were found
const heard = new Map(); // since the list was asked for
let end = null; // the last row, for who went there
let keeping = 0;
let asking = new AbortController();
const costs = new Map(); // by id: what a session took, and of which state of it that is
let pricing = 0;

// -- What is looked for, and chosen -------------------------------------------------------------

const chosen = (from) => new URLSearchParams(FIELDS.filter((name) => from[name]).map((name) => [name, from[name]]));
const isNarrowed = () => FIELDS.some((name) => view[name]);

function keep(isStep = false) {
	clearTimeout(keeping);
	const query = chosen(view);
	for (const id of marked) query.append("with", id);
	if (list.current) query.set("e", list.current);
	history[isStep ? "pushState" : "replaceState"](null, "", `#${query}`);
}

function read() {
	const query = new URLSearchParams(location.hash.slice(1));
	view = Object.fromEntries(FIELDS.map((name) => [name, query.get(name) ?? ""]));
	marked = query.getAll("with").slice(-2);
	list.current = query.get("e");
	turn(list.current !== null);
}

function look(changes, isStep = true) {
	const wanted = { ...view, ...changes };
	if (`${chosen(wanted)}` === `${chosen(view)}`) return;
	view = wanted;
	keep(isStep);
	turn();
}

function turn(isBack) {
	for (const name of FIELDS) if (at(name).value !== view[name]) at(name).value = view[name];
	at("clear").hidden = !isNarrowed();
	drawMarks();
	load(isBack);
	find();
}

function mark(id) {
	const others = marked.filter((one) => one !== id);
	marked = others.length < marked.length ? others : [...others, id].slice(-2);
	drawMarks();
	keep();
}

/* As the collector decides it. */
function isWanted(session) {
	const names = [session.event_type ?? "", ...session.tags].map((text) => text.toLowerCase());
	const text = view.q.toLowerCase();
	return (!view.state || session.state === view.state)
		&& (!view.tag || session.tags.includes(view.tag))
		&& (session.id.startsWith(text) || text.split(/\s+/).every((word) => names.some((one) => one.includes(word))));
}

// -- What the collector has ---------------------------------------------------------------------

async function ask(path, query) {
	const answer = await fetch(`${api}${path}?${query}`, { signal: asking.signal });
	if (answer.ok) return answer.json();
	if (answer.status === 401) location.reload();
	throw new Error((await answer.json().catch(() => ({}))).detail ?? `the collector answers ${answer.status}`);
}

/* Who comes back finds the row that he left. */
async function load(isBack = false) {
	asking.abort();
	asking = new AbortController();
	const { signal } = asking;
	const found = new Map();
	heard.clear();
	const query = chosen(view);
	query.set("limit", FIRST);
	try {
		do {
			const page = await ask("sessions", query);
			for (const session of page.sessions) found.set(session.id, session);
			known = found;
			isMore = page.next !== null;
			hear([...heard.values()]);
			if (isBack && list.index >= 0) isBack = list.go(list.index);
			if (end !== null && end === list.current) commands.last(); // which was not the end yet
			query.set("limit", MORE);
			query.set("before", page.next);
			if (isMore && found.size >= AT_ONCE) await list.nearEnd();
		} while (isMore && !signal.aborted);
	} catch (error) {
		if (!signal.aborted) say(error.message);
	}
}

/* Events with the words, of all sessions; the list has those with the words in name and tags. */
async function find() {
	const { signal } = asking;
	const q = view.q.trim();
	const { results } = q.length > 1 && await ask("search", new URLSearchParams({ q, limit: EVENTS })).catch(() => 0) || { results: [] };
	const ids = new Set(results.map((event) => event.session_id));
	const { sessions } = ids.size && await ask("sessions", new URLSearchParams([...ids].map((id) => ["session", id]))).catch(() => 0) || { sessions: [] };
	if (signal.aborted) return;
	const named = new Map(sessions.map((session) => [session.id, session]));
	hits = results.length;
	if (at("count").textContent) drawCount(); // else the list is on its way
	at("found").hidden = !hits;
	at("found").querySelector("ul").replaceChildren(...results.map((event) => drawHit(event, named.get(event.session_id), q.toLowerCase())));
}

function drawHit(event, session, q) {
	const item = made("event");
	const [state, name, why, of, when] = item.firstElementChild.children;
	const { result = null, reason, end_timestamp: end = null } = event;
	const isSilent = session?.state === "silent" && (end ?? result) === null;
	item.firstElementChild.href = `${pageOf(event.session_id)}#e=${encodeURIComponent(event.id)}`;
	item.className = stateOf(result, isSilent ? "silent" : reason, end === null);
	state.textContent = GLYPHS[item.className];
	name.textContent = said(event.event_type);
	const [text, isError] = around(q, event);
	why.textContent = safe(text);
	why.classList.toggle("error", isError && item.className === "failed");
	of.textContent = session ? said(session.event_type) : "";
	when.textContent = clock(event.timestamp ?? null);
	return item;
}

/* Of the sessions in view: to find what one cost, its calls are gone through. */
async function price() {
	const { signal } = asking;
	const wanted = list.inView.filter((session) => costs.get(session.id)?.of !== sizeOf(session)).slice(0, ASKED);
	if (!wanted.length) return;
	const query = new URLSearchParams(wanted.map(({ id }) => ["session", id]));
	const told = await ask("costs", query).catch(() => null);
	if (!told || signal.aborted) return;
	for (const session of wanted) costs.set(session.id, { of: sizeOf(session), spent: spentBy(told.costs[session.id]) });
	at("list").classList.toggle("no-cost", !costOf([...costs.keys()]));
	list.paint(true);
}

const sizeOf = ({ events, prompt_tokens, completion_tokens, last }) => `${[events, prompt_tokens, completion_tokens, last]}`;
const spentBy = (told) => told && [told.tokens_in, told.tokens_out, told.dollars, told.unpriced];
const costOf = (ids) => ids.map((id) => cost(costs.get(id)?.spent ?? [null, null, null, 0])).find(Boolean) ?? "";

/* The text of an event that has most of the words, from a little before them; and whether that is its
   error, which it is where no other has more. */
function around(q, { error, reason, prompt, params, returns }) {
	const words = q.split(/\s+/);
	const texts = [typeof error === "string" ? error : [error?.type, error?.message ?? reason].filter(Boolean).join(": ")];
	JSON.stringify([prompt, params, returns], (_, value) => (typeof value === "string" && texts.push(value), value));
	const small = texts.map((text) => text.toLowerCase());
	const many = small.map((text) => words.filter((word) => text.includes(word)).length + text.includes(q));
	const best = many.indexOf(Math.max(...many));
	const isThere = (word) => small[best].includes(word);
	const times = (word) => small[best].split(word).length;
	const rarest = words.filter(isThere).sort((one, other) => times(one) - times(other))[0] ?? "";
	const place = Math.max(0, small[best].indexOf(isThere(q) ? q : rarest) - BEFORE);
	return [`${place ? "…" : ""}${texts[best].slice(place, place + 300)}`.replace(/\s+/g, " "), best === 0];
}

function hear(changed) {
	for (const session of changed) heard.set(session.id, session);
	for (const session of changed) known[isWanted(session) ? "set" : "delete"](session.id, session);
	draw();
}

async function findSilent() {
	const isQuiet = ({ state, last }) => state === "running" && last < Date.now() / 1000 - QUIET;
	if (document.hidden || ![...known.values()].some(isQuiet)) return;
	const { sessions } = await ask("sessions", new URLSearchParams({ state: "silent", limit: MORE })).catch(() => ({ sessions: [] }));
	hear(sessions.filter(({ id }) => known.has(id)));
}

// -- What is shown ------------------------------------------------------------------------------

function draw() {
	const sessions = [...known.values()].sort((a, b) => b.timestamp - a.timestamp || (a.id < b.id ? 1 : -1));
	const tags = new Set(sessions.slice(0, MORE).flatMap((session) => session.tags));
	list.show(sessions);
	at("found").classList.toggle("alone", !sessions.length);
	drawCount();
	at("tags").replaceChildren(...[...tags].sort().slice(0, 100).map((tag) => new Option("", tag)));
	const none = view.q && chosen(view).size === 1 ? "No session has this in its name, tags or id." : isNarrowed() ? "No session is like that." : "Nothing has been recorded yet.";
	say(sessions.length ? "" : none);
	at("endpoint").hidden = isNarrowed();
}

function drawCount() {
	const many = list.items.length;
	const [isPart, told] = hits && !many ? [hits === EVENTS, plural(hits, "event")] : [isMore, plural(many, "session")];
	at("count").textContent = `${isPart ? "the newest " : ""}${told}`;
}

/* The older one is as it was: ids begin with the time. */
function drawMarks() {
	at("compare").hidden = marked.length < 2;
	at("compare").href = pageOf(...[...marked].sort());
	at("marked").textContent = marked.length === 1 ? "1 to compare, mark another" : "";
	list.paint(true);
}

function say(text) {
	at("nothing").hidden = !text;
	at("nothing").firstElementChild.textContent = text;
}

function fill(row, session) {
	const [box, state, name, when, took, events, failures, given, spent] = row.children;
	const [link, tags] = name.children;
	const start = session.timestamp;
	const end = session.end_timestamp ?? (session.state === "running" ? Date.now() / 1000 : session.last);
	const isCut = session.end_timestamp === null && session.state !== "running"; // it took that at least
	const isMarked = marked.includes(session.id);
	row.className = `row ${session.state}${isMarked ? " marked" : ""}`;
	Object.assign(box.firstChild, { checked: isMarked, ariaLabel: `Compare ${said(session.event_type)}` });
	state.textContent = told(session.state);
	link.href = pageOf(session.id);
	link.textContent = said(session.event_type);
	tags.replaceChildren(...session.tags.slice(0, 8).map((tag) => Object.assign(made("one-tag"), { textContent: `#${said(tag)}`, value: tag })));
	const isOfThisYear = clock(start).startsWith(clock(Date.now() / 1000).slice(0, 5));
	const [day, minute, seconds] = [[0, 5], [5, 16], [16]].map((part) => clock(start).slice(...part));
	when.replaceChildren(element(isOfThisYear ? "span.year" : "span", day), minute, element("span.seconds", seconds));
	took.textContent = start === null || end === null || (isCut && end <= start) ? "" : `${duration(end - start)}${isCut ? "+" : ""}`;
	events.textContent = count(session.events);
	events.dataset.unit = session.events === 1 ? " event" : " events";
	failures.textContent = session.failures ? count(session.failures) : "";
	spent.textContent = costOf([session.id]);
	given.textContent = session.prompt_tokens || session.completion_tokens ? tokens([session.prompt_tokens, session.completion_tokens]) : "";
}

// -- What the reader does -----------------------------------------------------------------------

const list = new List(at("list"), () => made("row"), fill, () => {
	clearTimeout(keeping);
	keeping = setTimeout(keep, PAUSE);
}, () => {
	clearTimeout(pricing);
	pricing = setTimeout(price, SETTLED);
});

function goToFailed(step) {
	const many = list.items.length;
	const from = step < 0 ? Math.max(0, list.index) : list.index;
	for (let n = 1; n <= many; n++) {
		const place = (from + n * step + many) % many;
		if (list.items[place].state === "failed") return list.go(place);
	}
}

const commands = {
	down: () => list.go(list.index + 1),
	up: () => list.go(list.index - 1),
	first: () => list.go(0),
	last: () => {
		list.go(list.items.length - 1);
		end = list.current;
	},
	nextFailed: () => goToFailed(1),
	failedBefore: () => goToFailed(-1),
	mark: () => list.index >= 0 && mark(list.current),
	compare: () => at("compare").hidden || at("compare").click(),
	failed: () => look({ state: view.state === "failed" ? "" : "failed" }),
	search: () => at("q").select(),
	help: () => at("help").showModal(),
	escape: () => {
		document.activeElement.blur();
		list.current = null;
		marked = isNarrowed() ? marked : [];
		look({ q: "", state: "", tag: "" });
		drawMarks();
		keep();
	},
};
onKeys(at("help"), commands);

let typing = 0;
on(at("q"), "input", ({ target }) => {
	clearTimeout(typing);
	typing = setTimeout(() => {
		look({ q: target.value }, !target.isStep); // one step back for all that is typed
		target.isStep = true;
	}, 150);
});
on(at("q"), "blur", ({ target }) => { target.isStep = false; });
on(at("tools"), "change", ({ target }) => look({ [target.id]: target.value }));
on(at("tools"), "submit", (event) => event.preventDefault());
on(at("clear"), "click", commands.escape);
on(at("keys"), "click", commands.help);
on(at("list"), "click", ({ target }) => {
	if (target.className === "tag") look({ tag: target.value });
	if (target.href) keep();
});
on(at("list"), "change", ({ target }) => mark(target.closest(".row").item.id));
on(window, "popstate", read);
setInterval(findSilent, 60_000);
setInterval(() => {
	if (!document.hidden && list.items.some((session) => session.state === "running")) list.paint(true);
}, 1000);

let isHeard = false;
at("endpoint").textContent = `AGENTLOG_ENDPOINT=${new URL("..", api).href.slice(0, -1)} python agent.py`;
onLive(`${api}live`, null, {
	state: (isOn) => {
		at("live").textContent = isOn ? "" : "not connected";
		if (!isHeard) read(); // from now on nothing is missed
		isHeard = true;
	},
	sessions: hear,
	reload: async () => void load(),
});
