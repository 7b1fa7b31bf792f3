/* The forest of an outline, and what failed first in it: agentlog/replay/tree.py to the letter. The same
   rows give the same forest, whatever their order or damage; nothing raises or recurses. */

const LAST_MOMENT = 253_370_764_800;
const FEWEST_TO_FOLD = 3;
const ALIKE = ["name", "kind", "state", "reason"];
const UNSETTLED = ["running", "interrupted", "silent"];
const BY_RESULT = new Map([["Success", "succeeded"], ["Fail", "failed"]]);
const BY_REASON = new Map([...["cancelled", "interrupted", "abandoned"].map((word) => [word, word]), ["exit", "exited"]]);

const text = (value) => (value && typeof value === "string" ? value : null);
const below = (end) => (value) => (value !== null && value >= 0 && value < end ? value : null);
const [moment, amount] = [below(LAST_MOMENT), below(2 ** 63)];

/* Of a row of agentlog/store/outline.py. `events`, `failures` and `unsettled` count all below, too. */
function nodeOf(row, isSilent) {
  const [id, parentId, name, kind, start, end, result, why, rating, model, tags, given, made, level, logger, error] = row;
  const [started, ended] = [moment(start), moment(end)];
  const reason = isSilent && (end ?? result) === null ? "silent" : why;
  const open = end !== null ? "indeterminate" : reason === "silent" ? reason : "running";
  const state = result === null || open === "silent" ? open : BY_RESULT.get(result) ?? BY_REASON.get(reason) ?? "indeterminate";
  return {
    row, id, key: id, parentId, state, started, ended,
    name: text(name) ?? (name === "" ? '""' : "unnamed"),
    kind: text(kind) ?? "action",
    isRoot: kind === "session" || (parentId === null && name !== null),
    when: started ?? ended,
    duration: elapsed(started, ended),
    reason: BY_REASON.has(reason) || reason === state ? null : text(reason),
    rating: text(rating), model: text(model), level: text(level), logger: text(logger), error: text(error),
    tokensIn: amount(given), tokensOut: amount(made),
    tags: tags?.filter(text) ?? [],
    failed: state === "failed",
    failures: Number(state === "failed"),
    unsettled: Number(UNSETTLED.includes(state)),
    events: 1, parent: null, children: [], depth: 0, place: 0,
  };
}

export function elapsed(start, end) {
  return start === null || end === null || end < start ? null : end - start;
}

/** Of what is known, null where nothing is. */
export function sum(nodes, field) {
  return nodes.reduce((total, node) => (node[field] === null ? total : total + node[field]), null);
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
    for (; node !== null && !settled.has(node) && !path.has(node); node = node.parent) path.add(node);
    const way = [...path];
    if (path.has(node)) way.slice(way.indexOf(node)).sort(byOrder)[0].parent = head;
    for (const one of way) settled.add(one);
  }
}

function tally(roots) {
  const ordered = walk(roots);
  ordered.forEach((node, place) => {
    node.place = place;
    node.depth = node.parent ? node.parent.depth + 1 : 0;
  });
  for (const { parent, events, failures, unsettled } of ordered.reverse()) {
    if (parent === null) continue;
    parent.events += events;
    parent.failures += failures;
    parent.unsettled += unsettled;
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
  const ends = walk(nearestFailures(roots), failing).filter((node) => !failing(node).length);
  return ends.sort(byEnd)[0] ?? null;
}

/* The failures whose parent did not fail; log lines only where there is nothing else. */
function nearestFailures(roots) {
  const reached = walk(roots, (node) => (node.failed || !node.failures ? [] : node.children));
  const rank = (one, other) => compare(one.kind === "log", other.kind === "log") || compare(one.depth, other.depth);
  const tops = reached.filter((node) => node.failed).sort(rank);
  return tops.filter((node) => rank(node, tops[0]) === 0);
}

function failing({ children }) {
  const failed = children.filter((child) => child.failed);
  const grave = failed.filter((child) => child.kind !== "log");
  return grave.length ? grave : failed;
}

/** Siblings that are alike, shown as one row. */
export class Fold {
  constructor(nodes) {
    const most = (read) => nodes.reduce((largest, node) => Math.max(largest, read(node)), 0);
    const [{ id, place, when }] = nodes;
    Object.assign(this, { nodes, id, place, when, key: `${id}~` }); // tells it from its first
    this.ended = most((node) => Math.max(node.when, node.ended));
    this.events = sum(nodes, "events");
    this.total = sum(nodes, "duration");
    this.longest = this.total && most((node) => node.duration);
  }
}

/** Fold alike neighbours; never what failed, runs or was interrupted. */
export function fold(children) {
  const folded = [];
  for (let first = 0, next; first < children.length; first = next) {
    for (next = first + 1; next < children.length && areAlike(children[first], children[next]); ) next++;
    const alike = children.slice(first, next);
    folded.push(...(alike.length < FEWEST_TO_FOLD ? alike : [new Fold(alike)]));
  }
  return folded;
}

function areAlike(one, other) {
  if (one.failures || one.unsettled || other.failures || other.unsettled) return false;
  return ALIKE.every((field) => one[field] === other[field]);
}
