/* The forest of an outline, and what failed first in it: agentlog/replay/tree.py to the letter. The same
   rows give the same forest, whatever their order or damage; nothing raises or recurses. */

const FEWEST_TO_FOLD = 3;
const ALIKE = ["name", "kind", "state", "reason"];
const COUNTS = ["events", "failures", "unsettled", "cut"];
const WENT_ON = ["succeeded", "running", "interrupted", "silent"];
const REASONS = ["cancelled", "interrupted", "abandoned", "exit"];

const below = (end) => (value) => (value !== null && value >= 0 && value < end ? value : null);
const [moment, amount] = [below(253_370_764_800), below(2 ** 63)];

/** What became of an event, as agentlog/store/state.py decides it. */
export function stateOf(result, reason, isOpen) {
	if (isOpen && reason === "silent") return reason;
	if (result === "Success") return "succeeded";
	if (result === "Fail") return "failed";
	if (result === null) return isOpen ? "running" : "indeterminate";
	return REASONS.includes(reason) ? reason.replace("exit", "exited") : "indeterminate";
}

/* Of a row of agentlog/store/outline.py. `spent` and the COUNTS are of all below. */
function nodeOf(row, isSilent) {
	const [id, parentId, name, kind, start, end, result, why, rating, model, tags, given, made, level, logger, error, cost] = row;
	const [started, ended] = [moment(start), moment(end)];
	const reason = isSilent && (end ?? result) === null ? "silent" : why;
	const state = stateOf(result, reason, end === null);
	return {
		row, id, key: id, parentId, state, started, ended,
		name: name || (name === "" ? '""' : "unnamed"),
		kind: kind || "action",
		isRoot: kind === "session" || (parentId === null && name !== null),
		when: started ?? ended,
		last: Math.max(started, ended), // of all below
		duration: elapsed(started, ended),
		reason: REASONS.includes(reason) || reason === state ? null : reason,
		rating, model, level, logger, error,
		own: [amount(given), amount(made), cost === "unknown" ? null : cost, +(cost === "unknown")],
		tags: tags?.filter(Boolean) ?? [],
		failed: state === "failed",
		failures: +(state === "failed"),
		unsettled: +(WENT_ON.indexOf(state) > 0),
		cut: +(WENT_ON.indexOf(state) > 1),
		events: 1, children: [],
	};
}

export const elapsed = (start, end) => (start === null || end === null || end < start ? null : end - start);

const add = (one, other) => one.map((n, i) => ((n ?? other[i]) === null ? null : n + other[i]));

/** What nodes took, `own` or `spent` with all below: tokens in and out, dollars, calls without a price. */
export const total = (nodes, field) => nodes.reduce((all, node) => add(all, node[field]), [null, null, null, 0]);

/* An event around calls that says their tokens again, as in agentlog/replay/cost.py. */
function spentBy({ own, children }) {
	if (!children.length) return own;
	const below = total(children, "spent");
	const isSame = own[0] + own[1] && +own[0] === +below[0] && +own[1] === +below[1];
	return !isSame ? add(own, below) : below[3] && !own[3] ? own : below;
}

/** What is open in a silent session is silent too. */
export function forest(rows, isSilent) {
	const nodes = rows.map((row) => nodeOf(row, isSilent)).sort(byOrder);
	const byId = new Map(nodes.map((node) => [node.id, node]));
	const tops = nodes.filter((node) => node.isRoot);
	const head = tops.find((node) => node.kind === "session") ?? tops[0] ?? null;
	for (const node of nodes) node.parent = node.isRoot ? null : byId.get(node.parentId) ?? head;
	cutCycles(nodes, head);
	const roots = [];
	for (const node of nodes) (node.parent?.children ?? roots).push(node);
	tally(roots);
	return roots;
}

const compare = (one, other) => (one > other) - (one < other);

const by = (read) => (one, other) => compare(read(one) ?? Infinity, read(other) ?? Infinity) || compare(one.id, other.id);
const byOrder = by((node) => node.when);
const byEnd = by((node) => node.ended ?? node.when);

function cutCycles(nodes, head) {
	const settled = new Set();
	for (const start of nodes) {
		const path = new Set();
		let node = start;
		for (; node && !settled.has(node) && !path.has(node); node = node.parent) path.add(node);
		const way = [...path];
		if (path.has(node)) way.slice(way.indexOf(node)).sort(byOrder)[0].parent = head;
		for (const one of way) settled.add(one);
	}
}

function tally(roots) {
	const ordered = walk(roots);
	ordered.forEach((node, place) => {
		node.place = place;
		node.depth = (node.parent?.depth ?? -1) + 1;
	});
	for (const node of ordered.reverse()) {
		node.spent = spentBy(node);
		if (!node.parent) continue;
		for (const field of COUNTS) node.parent[field] += node[field];
		node.parent.last = Math.max(node.parent.last, node.last);
	}
}

/** All nodes, in the order in which a tree is read. */
export function walk(roots, below = (node) => node.children) {
	const found = [];
	const stack = roots.toReversed();
	while (stack.length) {
		const node = stack.pop();
		found.push(node);
		for (const child of below(node).toReversed()) stack.push(child);
	}
	return found;
}

/** Of the failures that lead to those nearest to the root, the earliest to end. */
export function rootCause(roots) {
	const failing = ({ children }) => failedOf(children);
	const ends = walk(nearestFailures(roots), failing).filter((node) => !failing(node).length);
	return ends.sort(byEnd)[0] ?? null;
}

/** What a root cause is called. */
export function markOf(cause) {
	while (cause && !WENT_ON.includes(cause.state)) cause = cause.parent;
	return cause ? "← recovered" : "← root cause";
}

/* The failures whose parent did not fail. */
function nearestFailures(roots) {
	const reached = walk(roots, (node) => (node.failed || !node.failures ? [] : node.children));
	const tops = failedOf(reached).sort((one, other) => one.depth - other.depth);
	return tops.filter(({ depth }) => depth === tops[0].depth);
}

/* Log lines only where there is nothing else. */
function failedOf(nodes) {
	const failed = nodes.filter((node) => node.failed);
	const grave = failed.filter((node) => node.kind !== "log");
	return grave.length ? grave : failed;
}

/* Alike siblings as a row: its key tells it from the first, in `total` any ran. */
function foldOf(nodes) {
	const most = (read) => nodes.reduce((largest, node) => Math.max(largest, read(node)), 0);
	const [{ id, place, when }] = nodes;
	return {
		nodes, id, place, when, key: `${id}~`,
		ended: most((node) => Math.max(node.when, node.ended)),
		total: nodes.reduce(([sum, last], { when, ended }) => [sum + Math.max(ended - Math.max(when, last), 0), Math.max(ended, last)], [0, 0])[0],
		longest: most((node) => node.duration),
	};
}

/** Fold alike neighbours; never what failed, runs or was interrupted. */
export function fold(children) {
	const groups = [];
	for (const child of children) {
		if (groups.length && areAlike(groups.at(-1)[0], child)) groups.at(-1).push(child);
		else groups.push([child]);
	}
	return groups.flatMap((alike) => (alike.length < FEWEST_TO_FOLD ? alike : foldOf(alike)));
}

function areAlike(one, other) {
	return !(one.failures || one.unsettled || other.failures || other.unsettled) && ALIKE.every((field) => one[field] === other[field]);
}
