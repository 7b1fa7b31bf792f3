/* Two sessions side by side, as agentlog/replay/diff.py has them.

   The rule of this file: it draws the answer and decides nothing; recorded text goes through
   `safe`. Rows come into the document in groups, when they are nearly in view, and go again; so do
   the diffs of those that are open. */

import { read, write } from "./address.js";
import { at, element, on } from "./element.js";
import { onKeys } from "./keys.js";
import { GLYPHS, LINES, clock, cost, count, duration, plural, safe, tokens } from "./text.js";

const AT_ONCE = 50;
const NEAR = "800px"; // of what is seen
const HEIGHT = 24; // px, of a row that nobody has seen
const FEW = 12;
const LONGEST = 400;
const DEEPEST = 16;
const SIGNS = { "+": "added", "-": "gone" };
const MARKS = { added: "+", gone: "-" };

const short = (text) => safe(text ?? "", LONGEST);
const dim = (text) => element("span.dim", text);
const cell = (kind, role = "gridcell") => Object.assign(element(kind), { role });
const say = (text) => (at("counts").textContent = text);
const grid = at("rows");
const uri = encodeURIComponent;
const link = (text, session, event = "") =>
	Object.assign(element("a", text), { href: `../../sessions/${uri(session)}${event && "#e=" + uri(event)}` });
const isDifferent = ({ changes }) => Boolean(changes?.length);
const hasDiff = ({ fields }) => Boolean(fields?.length);
const rowAt = (index) => at(`row${index}`);
const groupOf = (index) => groups[Math.floor(index / AT_ONCE)];
let told;
let view = read(); // `selected` and `turned` are places in the rows
let selected = -1;
let areOpen = false; // the rows that are not turned
let groups = [];

function drawSession(one, mark) {
	const line = element("p");
	const least = one.last > one.timestamp ? `${duration(one.last - one.timestamp)}+` : duration(null);
	const figures = [clock(one.timestamp), one.duration === null ? least : duration(one.duration), plural(one.events, "event"), plural(one.failures, "failure")];
	for (const [name, text] of [["tokens", tokens(one.spent)], ["cost", cost(one.spent)]]) if (text) figures.push(`${name} ${text}`);
	line.append(
		element(`span.mark.${SIGNS[mark]}`, mark),
		link(`${short(one.name)} ${short(one.session_id.slice(0, 12))}`, one.session_id),
		element(`span.${one.state}`, `${GLYPHS[one.state]} ${one.state}`),
		...[...figures, ...one.tags.map((tag) => `#${short(tag)}`)].map(dim),
	);
	return line;
}

function drawRow(row, index) {
	const made = cell("div", "row");
	const marks = { ariaLevel: row.depth + 1, ariaRowIndex: index + 1, ariaSelected: index === selected };
	Object.assign(made, { id: `row${index}`, index, ...marks });
	made.style.setProperty("--level", Math.min(row.depth, DEEPEST));
	const line = cell("div.line");
	line.append(...(row.changes ? said(row) : [element("span.mark", MARKS[row.change] ?? ""), dim(`… ${count(row.hidden)} ${row.word}`)]));
	made.append(line);
	if (hasDiff(row)) made.ariaExpanded = isOpen(index);
	if (made.ariaExpanded === "true") made.append(drawFields(row));
	return made;
}

function said({ changes, before, after, depth, name, kind }) {
	const one = after ?? before;
	const [first] = changes;
	const words = changes.map((word) => {
		const times = word === "slower" ? ` ${duration(before.duration)} → ${duration(after.duration)}` : "";
		return element(`span.word.${word}`, word + times);
	});
	const notes = [kind !== "action" && kind, one.model, first === "failed now" && one.error];
	return [
		element(first ? `span.mark.${first}` : "span.mark", first ? MARKS[first] ?? "~" : ""),
		element(`span.${one.state}`, GLYPHS[one.state]),
		element("span.name", (depth > DEEPEST ? `⋯${depth} ` : "") + short(name)),
		...words,
		...notes.filter(Boolean).map((note) => dim(short(note))),
		first && element("span.links", before ? link("as it was", told.before.session_id, before.id) : "", after ? link("as it is", told.after.session_id, after.id) : ""),
	].filter(Boolean);
}

function drawFields({ fields }) {
	const box = cell("div.fields");
	for (const { field, lines, more } of fields) {
		const text = element("pre");
		for (const [sign, line] of lines) {
			const shown = sign === "@" ? `… ${line} alike\n` : `${sign} ${safe(line, Infinity, LINES)}\n`;
			text.append(element(`span.${SIGNS[sign] ?? "dim"}`, shown));
		}
		if (more) text.append(dim(`… ${count(more)} more`));
		box.append(element("div.dim", field.replace("_", " ")), text);
	}
	return box;
}

// -- Rows that come and go ----------------------------------------------------------------------

const watcher = new IntersectionObserver((seen) => {
	for (const { target, isIntersecting } of seen) {
		target.isNear = isIntersecting;
		settle(target);
	}
}, { rootMargin: NEAR });

function settle(group) {
	const isWanted = group.isNear || group === groupOf(selected);
	if (isWanted === group.hasChildNodes()) return;
	const rows = told.rows.slice(group.from, isWanted ? group.from + AT_ONCE : group.from);
	group.style.height = isWanted ? "" : `${group.offsetHeight}px`;
	group.replaceChildren(...rows.map((row, n) => drawRow(row, group.from + n)));
}

function addGroup(from) {
	const group = Object.assign(cell("div", "rowgroup"), { from });
	group.style.height = `${Math.min(AT_ONCE, told.rows.length - from) * HEIGHT}px`;
	groups.push(group);
	grid.append(group);
	watcher.observe(group);
}

// -- What the reader does -----------------------------------------------------------------------

function isOpen(index) {
	return areOpen !== view.turned.has(String(index));
}

function toggle(index, isWanted = !isOpen(index)) {
	if (!hasDiff(told.rows[index]) || isWanted === isOpen(index)) return;
	if (!view.turned.delete(String(index))) view.turned.add(String(index));
	rowAt(index).replaceWith(drawRow(told.rows[index], index));
	write(view, false);
}

function select(index, isStep = true) {
	const left = selected;
	selected = Math.min(Math.max(index, 0), told.rows.length - 1);
	if (left >= 0) rowAt(left).ariaSelected = "false";
	settle(groupOf(selected));
	if (left >= 0) settle(groupOf(left));
	const row = rowAt(selected);
	row.ariaSelected = "true";
	row.scrollIntoView({ block: "nearest" });
	grid.setAttribute("aria-activedescendant", row.id);
	view.selected = String(selected);
	write(view, isStep);
}

/* To the nearest difference, around the end. */
function step(way) {
	const many = told.rows.length;
	for (let n = 1; n <= many; n++) {
		const index = (selected + n * way + many) % many;
		if (isDifferent(told.rows[index])) return select(index);
	}
}

function draw(answer) {
	told = answer;
	document.title = `${short(told.after.name)} · compare · agentlog`;
	at("sessions").append(drawSession(told.before, "-"), drawSession(told.after, "+"));
	at("swap").hidden = false;
	at("swap").href = `../${uri(told.after.session_id)}/${uri(told.before.session_id)}`;
	say(Object.entries(told.counts).map(([word, n]) => `${count(n)} ${word}`).join(" · ") || "no difference");
	areOpen = told.rows.filter(hasDiff).length <= FEW;
	grid.ariaRowCount = told.rows.length;
	for (let from = 0; from < told.rows.length; from += AT_ONCE) addGroup(from);
	select(chosen(told.rows), false);
	grid.focus({ preventScroll: true });
}

/* What the address says; else what failed now, the deepest; else what differs. */
function chosen(rows) {
	const place = parseInt(view.selected);
	if (rows[place]) return place;
	const failed = rows.filter(({ changes }) => changes?.includes("failed now"));
	const deepest = failed.sort((a, b) => b.depth - a.depth)[0];
	return Math.max(rows.indexOf(deepest ?? rows.find(isDifferent)), 0);
}

const commands = {
	down: () => select(selected + 1),
	up: () => select(selected - 1),
	first: () => select(0),
	last: () => select(told.rows.length - 1),
	next: () => step(1),
	before: () => step(-1),
	open: () => toggle(selected, true),
	close: () => toggle(selected, false),
	toggle: () => toggle(selected),
	swap: () => at("swap").click(),
	help: () => at("keys").showModal(),
};

function listenToReader() {
	on(grid, "click", ({ target }) => {
		const row = target.closest("[role=row]");
		if (!row || target.closest("a")) return;
		select(row.index);
		if (target.closest(".line")) toggle(row.index);
	});
	on(window, "popstate", () => {
		view = read();
		for (const group of groups) group.replaceChildren();
		for (const group of groups) settle(group);
		select(chosen(told.rows), false);
	});
	onKeys(at("keys"), commands);
}

async function begin() {
	const pair = location.pathname.split("/").slice(-2).join("/");
	const answer = await fetch(`../../v1/compare/${pair}`).catch(() => null);
	if (!answer?.ok) return say(answer ? (await answer.json()).detail : "the collector does not answer");
	draw(await answer.json());
	listenToReader();
}

on(at("help"), "click", commands.help);
begin();
