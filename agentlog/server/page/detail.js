/* The pane: all that an event carries. What its row knows is there at once, the rest comes later. */

import { at, button, element, pause } from "./element.js";
import { GLYPHS, clock, cost, duration, safe, tokens } from "./text.js";
import { conversationOf, restOf, valueOf } from "./value.js";
import { took } from "./view.js";

const PATIENCE = 60; // ms, as a held key goes through many
const LONGEST = 160; // of a title, which stays in view

const [{ firstElementChild: title }, facts, body] = at("pane").children;
let shown = [];

/** Show an item; `context` is of the run, and has the `source` of events. */
export async function showInPane(item, context) {
	const node = item.nodes?.[0] ?? item;
	const told = factsOf(node, context);
	if (facts.textContent !== told.map((one) => one.textContent).join("")) facts.replaceChildren(...told);
	const now = [node.row, item.nodes?.length];
	if (now.every((one, i) => one === shown[i])) return;
	if (shown[0]?.[0] !== node.id) {
		body.replaceChildren();
		at("pane").scrollTop = 0;
	}
	shown = now;
	title.replaceChildren(
		element(`span.glyph.${node.state}`, GLYPHS[node.state]),
		element("span.title", safe(node.name, LONGEST)),
		element("span.dim", item.nodes ? `first of ${item.nodes.length}` : ""),
	);
	await pause(PATIENCE);
	if (shown !== now) return;
	const drawn = await context.source.event(node.id).then(
		(event) => [...sectionsOf(event, node.row, context), section("To copy", idsOf(node, context))],
		(error) => [element("p.error", safe(error.message))],
	);
	if (shown === now) body.replaceChildren(...drawn);
}

function listed(texts, draw) {
	return known(texts).flatMap(([name, text]) => [element("dt", name), element("dd", draw(text))]);
}

const known = (texts) => Object.entries(texts).filter(([, text]) => text);

function factsOf(node, { whole, cause, mark, now }) {
	const when = (moment) => moment !== null && `${clock(moment, true)}  (+${duration(moment - whole[0])})`;
	const facts = {
		Name: node.name.length > LONGEST && node.name,
		State: node.state + (node.reason ? `: ${node.reason}` : "") + (node === cause ? ` ${mark}` : ""),
		Kind: [node.kind, node.level, node.logger].filter(Boolean).join(" "),
		Model: node.model,
		Tokens: tokens(node.own),
		Cost: cost(node.spent),
		[node.started === null ? "End" : "Start"]: when(node.when),
		Duration: took(node, node.state, now),
		Tags: node.tags.map((tag) => `#${tag}`).join(" "),
		Rating: node.rating,
	};
	return listed(facts, valueOf);
}

function sectionsOf({ error, log, params, prompt, returns, session_id, ...more }, row, { fields }) {
	for (const [i, field] of fields.entries()) if ((row[i] ?? !more[field]) !== false) delete more[field];
	const given = ["Params", params, valueOf];
	const isCall = isThere(prompt);
	const sections = [
		["Error", error, errorOf],
		["Log before the failure", log, logOf],
		isCall || given,
		["Prompt", prompt, conversationOf],
		["Returns", returns, conversationOf],
		isCall && given,
		["More", more, valueOf],
	];
	return sections.filter((one) => isThere(one[1])).map(([name, value, draw]) => section(name, draw(value)));
}

const isThere = (value) => (typeof value === "object" ? Object.keys(value ?? {}).length > 0 : value !== undefined);

const section = (name, body) => element(`section.${name.toLowerCase()}`, element("h3", name), ...[body].flat());

function errorOf(error) {
	if (typeof error !== "object") return valueOf(error);
	const { type, message, traceback, ...others } = error;
	return [...known({ type, message, traceback }).map(([name, part]) => element(`div.error-${name}`, valueOf(part))), ...restOf(others)];
}

const logOf = (lines) => (Array.isArray(lines) ? element("ol", ...lines.map(lineOf)) : valueOf(lines));

function lineOf(line) {
	const { timestamp, level, logger, event = null, ...others } = Object(line) === line ? line : { event: line };
	const when = typeof timestamp === "number" && clock(timestamp, true).slice(11);
	const parts = [when, level, logger].filter((part) => typeof part === "string");
	return element("li", element("span.dim", `${safe(parts.join(" "), 200)} `), valueOf(event, 1), ...restOf(others, 2));
}

function idsOf({ id, parent }, { session_id: session, options = "" }) {
	const command = `agentlog ${parent ? `show ${id}` : "replay"} ${session}${options}`;
	const ids = { Event: id, Parent: parent?.id, Session: session, traceparent: `00-${session}-${id}-01`, Terminal: command };
	return element("dl.ids", ...listed(ids, toCopy));
}

/* Without TLS there is no clipboard. */
function toCopy(text) {
	const code = element("code", safe(text));
	return element("div", code, button("copy", (pressed) => {
		getSelection().selectAllChildren(code);
		navigator.clipboard?.writeText(text).then(() => (pressed.textContent = "copied"), () => {});
	}));
}
