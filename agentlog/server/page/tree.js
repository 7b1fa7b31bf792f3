/* A forest of the rows of an outline, and what failed first in it: agentlog/replay/tree.py to the
   letter (tests/page/test_tree.py compares them).

   The rule of this file: the same rows give the same forest, whatever their order or damage; nothing
   raises or recurses, and no clock is asked. What is missing or of a wrong type is null; who has
   neither parent nor name is an orphan, of whom just the end is known. */

const [ID, PARENT, NAME, KIND, START, END, RESULT, REASON, RATING, MODEL, TAGS, GIVEN, MADE, LEVEL, LOGGER, ERROR] =
  Array(16).keys(); // as the fields of a row stand in agentlog/store/outline.py
const LAST_MOMENT = 253_370_764_800;
const FEWEST_TO_FOLD = 3;
const ALIKE = ["name", "kind", "state", "reason"];
const NONE = Object.freeze([]);

const BY_RESULT = new Map([["Success", "succeeded"], ["Fail", "failed"]]);
const BY_REASON = new Map([
  ["cancelled", "cancelled"], ["interrupted", "interrupted"], ["abandoned", "abandoned"], ["exit", "exited"],
]);

const text = (value) => (value && typeof value === "string" ? value : null);
const within = (value, end) => (value !== null && value >= 0 && value < end ? value : null);
const moment = (value) => within(value, LAST_MOMENT);
const amount = (value) => within(value, 2 ** 63);

/** An event and those below it. `failures`, `unsettled` (running or interrupted) and `events` count
    all of them; `place` is its number in the order in which a tree is read. */
export class Node {
  parent = null;
  children = NONE;
  events = 1;
  depth = 0;
  place = 0;
  indent = 0;

  constructor(row) {
    this.row = row;
    this.when = this.started ?? this.ended;
    this.failures = Number(this.failed);
    this.unsettled = Number(this.state === "running" || this.state === "interrupted");
  }

  get id() { return this.row[ID]; }
  get name() { return text(this.row[NAME]) ?? (this.row[NAME] === "" ? '""' : "unnamed"); }
  get kind() { return text(this.row[KIND]) ?? "action"; }
  get isRoot() { return this.row[KIND] === "session" || (this.row[PARENT] === null && this.row[NAME] !== null); }
  get state() {
    const [result, reason] = [this.row[RESULT], this.row[REASON]];
    if (result === null) return this.row[END] === null ? "running" : "indeterminate";
    return BY_RESULT.get(result) ?? BY_REASON.get(reason) ?? "indeterminate";
  }
  get failed() { return this.row[RESULT] === "Fail"; }
  get duration() { return elapsed(this.started, this.ended); }
  get reason() { return BY_REASON.has(this.row[REASON]) ? null : text(this.row[REASON]); }
  get tags() { return (this.row[TAGS] ?? NONE).filter(text); }
}

for (const [name, place, read] of [
  ["started", START, moment], ["ended", END, moment], ["tokensIn", GIVEN, amount], ["tokensOut", MADE, amount],
  ["model", MODEL, text], ["error", ERROR, text], ["level", LEVEL, text], ["logger", LOGGER, text], ["rating", RATING, text],
]) {
  Object.defineProperty(Node.prototype, name, { get() { return read(this.row[place]); } });
}

/** Return the seconds between two moments, null where they are not known or out of order. */
export function elapsed(start, end) {
  return start === null || end === null || end < start ? null : end - start;
}

/** Return the sum of what is known of a field of nodes, null where nothing is. */
export function sum(nodes, field) {
  return nodes.reduce((total, node) => (node[field] === null ? total : total + node[field]), null);
}

/** Make a forest of the rows of one session's outline; return its roots. */
export function forest(rows) {
  const nodes = rows.map((row) => new Node(row)).sort(byOrder);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const tops = nodes.filter((node) => node.isRoot);
  const head = tops.find((node) => node.kind === "session") ?? tops[0] ?? null;
  for (const node of nodes) {
    node.parent = node.isRoot ? null : byId.get(node.row[PARENT]) ?? head;
  }
  cutCycles(nodes, head);
  const roots = [];
  for (const node of nodes) {
    if (node.parent === null) roots.push(node);
    else if (node.parent.children === NONE) node.parent.children = [node];
    else node.parent.children.push(node);
  }
  tally(roots);
  return roots;
}

function compare(one, other) {
  return (one > other) - (one < other);
}

function byOrder(one, other) {
  return compare(one.when ?? Infinity, other.when ?? Infinity) || compare(one.id, other.id);
}

function byEnd(one, other) {
  const end = (node) => node.ended ?? node.when ?? Infinity;
  return compare(end(one), end(other)) || compare(one.id, other.id);
}

function cutCycles(nodes, head) {
  const settled = new Set();
  for (const start of nodes) {
    const path = new Set();
    let node = start;
    for (; node !== null && !settled.has(node) && !path.has(node); node = node.parent) path.add(node);
    if (path.has(node)) {
      const way = [...path];
      way.slice(way.indexOf(node)).sort(byOrder)[0].parent = head;
    }
    for (const one of path) settled.add(one);
  }
}

/* Number the nodes from above, then count from below. */
function tally(roots) {
  const ordered = [...walk(roots)];
  ordered.forEach((node, place) => {
    node.place = place;
    if (node.parent) node.depth = node.parent.depth + 1;
  });
  for (const { parent, events, failures, unsettled } of ordered.reverse()) {
    if (parent === null) continue;
    parent.events += events;
    parent.failures += failures;
    parent.unsettled += unsettled;
  }
}

/** Yield every node in the order in which a tree is read; `below` says what is below one. */
export function* walk(roots, below = (node) => node.children) {
  const stack = roots.toReversed();
  while (stack.length) {
    const node = stack.pop();
    yield node;
    const children = below(node);
    for (let i = children.length - 1; i >= 0; i--) stack.push(children[i]);
  }
}

/** Return the failure that the others followed from, or null: of those that lead to the failures
    nearest to the root, the earliest to end. */
export function rootCause(roots) {
  const ends = [...walk(nearestFailures(roots), failing)].filter((node) => !failing(node).length);
  return ends.sort(byEnd)[0] ?? null;
}

/* The failures whose parent did not fail, as far as they came nearest to the root; of the same
   place, log lines only where there is nothing else. */
function nearestFailures(roots) {
  const tops = [...walk(roots, (node) => (node.failed || !node.failures ? NONE : node.children))].filter((node) => node.failed);
  const rank = (one, other) => compare(one.kind === "log", other.kind === "log") || compare(one.depth, other.depth);
  const [nearest] = tops.toSorted(rank);
  return tops.filter((node) => rank(node, nearest) === 0);
}

function failing({ children }) {
  const failed = children.filter((child) => child.failed);
  const grave = failed.filter((child) => child.kind !== "log");
  return grave.length ? grave : failed;
}

/** Siblings that are alike, shown as one row. `total` and `longest` are of what is known of their
    durations, null where nothing is. */
export class Fold {
  indent = 0;

  constructor(nodes) {
    const most = (read) => nodes.reduce((largest, node) => Math.max(largest, read(node)), 0);
    this.nodes = nodes;
    for (const field of ["id", "place", "when"]) this[field] = nodes[0][field];
    this.ended = most((node) => node.ended ?? node.when);
    this.events = sum(nodes, "events");
    this.total = sum(nodes, "duration");
    this.longest = this.total && most((node) => node.duration);
  }
}

/** Fold three or more consecutive siblings of the same name, kind and outcome into one; never what
    failed, runs or was interrupted, itself or below. */
export function fold(children) {
  const folded = [];
  for (let first = 0, next; first < children.length; first = next) {
    for (next = first + 1; next < children.length && areAlike(children[first], children[next]); ) next++;
    const alike = children.slice(first, next);
    if (alike.length < FEWEST_TO_FOLD) folded.push(...alike);
    else folded.push(new Fold(alike));
  }
  return folded;
}

function areAlike(one, other) {
  if (one.failures || one.unsettled || other.failures || other.unsettled) return false;
  return ALIKE.every((field) => one[field] === other[field]);
}
