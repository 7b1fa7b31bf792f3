/* From the rows of an outline to a forest, and what failed first in it: agentlog/replay/tree.py to
   the letter (tests/page/test_tree.py compares them).

   The rule of this file: the same rows give the same forest, whatever their order or damage. Every
   event is there once, nothing raises, nothing recurses, and no clock is asked. What is missing or of
   a wrong type is null; who has neither parent nor name is an orphan, of whom just the end is known. */

const [
  ID, PARENT, NAME, KIND, START, END, RESULT, REASON, RATING, MODEL, TAGS, GIVEN, MADE, LEVEL, LOGGER, ERROR,
] = Array(16).keys(); // as the fields of a row stand in agentlog/store/outline.py
const LAST_MOMENT = 253_370_764_800;
const FEWEST_TO_FOLD = 3;
const NONE = Object.freeze([]);
const UNSETTLED = ["running", "interrupted", "silent"];

const BY_RESULT = new Map([["Success", "succeeded"], ["Fail", "failed"]]);
const BY_REASON = new Map([
  ["cancelled", "cancelled"], ["interrupted", "interrupted"], ["abandoned", "abandoned"], ["exit", "exited"],
]);

/** The signs of the states, as in agentlog/replay/glyphs.py. */
export const GLYPHS = {
  running: "▸", interrupted: "!", failed: "✗", cancelled: "⊘", abandoned: "◌", exited: "○",
  succeeded: "✓", indeterminate: "·", unknown: "?", silent: "◦",
};

/** An event of the outline and the events below it. `failures`, `unsettled` (running,
    interrupted or silent) and `events` count the event and all below; `place` is its number in the order in
    which a tree is read. */
export class Node {
  parent = null;
  children = NONE;
  events = 1;
  failures = 0;
  unsettled = 0;
  depth = 0;
  place = 0;

  constructor(row) {
    this.row = row;
    this.when = this.started ?? this.ended;
  }

  get id() { return this.row[ID]; }
  get name() { return text(this.row[NAME]) ?? (this.row[NAME] === "" ? '""' : "unnamed"); }
  get kind() { return text(this.row[KIND]) ?? "action"; }
  get isRoot() { return this.row[KIND] === "session" || (this.row[PARENT] === null && this.row[NAME] !== null); }
  get state() {
    const [result, reason] = [this.row[RESULT], this.row[REASON]];
    if (reason === "silent" && this.row[END] === null) return "silent";
    if (result === null) return this.row[END] === null ? "running" : "indeterminate";
    return BY_RESULT.get(result) ?? BY_REASON.get(reason) ?? "indeterminate";
  }
  get failed() { return this.row[RESULT] === "Fail"; }
  get started() { return moment(this.row[START]); }
  get ended() { return moment(this.row[END]); }
  get duration() { return elapsed(this.started, this.ended); }
  get tokensIn() { return tokenCount(this.row[GIVEN]); }
  get tokensOut() { return tokenCount(this.row[MADE]); }
  get reason() {
    const reason = this.row[REASON];
    return BY_REASON.has(reason) || reason === this.state ? null : text(reason);
  }
  get model() { return text(this.row[MODEL]); }
  get error() { return text(this.row[ERROR]); }
  get level() { return text(this.row[LEVEL]); }
  get logger() { return text(this.row[LOGGER]); }
  get rating() { return text(this.row[RATING]); }
  get tags() { return (this.row[TAGS] ?? NONE).filter(text); }
}

function text(value) {
  return value && typeof value === "string" ? value : null;
}

function moment(value) {
  return value !== null && value >= 0 && value < LAST_MOMENT ? value : null;
}

function tokenCount(value) {
  return value !== null && value >= 0 && value < 2 ** 63 ? value : null;
}

/** Return the seconds between two moments, null where they are not known or out of order. */
export function elapsed(start, end) {
  return start === null || end === null || end < start ? null : end - start;
}

/** Return the rows of a silent session as they are shown: what is open there is silent too. */
export function silenced(rows) {
  const isOpen = (row) => row[RESULT] === null && row[END] === null;
  return rows.map((row) => (isOpen(row) ? row.with(RESULT, "Indeterminate").with(REASON, "silent") : row));
}

/** Make a forest of the rows of one session's outline; return its roots. */
export function forest(rows) {
  const nodes = rows.map((row) => new Node(row)).sort(byOrder);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const head = headOf(nodes);
  for (const node of nodes) {
    const parent = byId.get(node.row[PARENT]);
    node.parent = node.isRoot ? null : parent === undefined ? head : parent;
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

/** Yield every node in the order in which a tree is read. */
export function* walk(roots) {
  const stack = roots.toReversed();
  while (stack.length) {
    const node = stack.pop();
    yield node;
    for (let i = node.children.length - 1; i >= 0; i--) stack.push(node.children[i]);
  }
}

/** Return the failure that the others followed from, or null: of those that lead to the failures
    nearest to the root, the earliest to end. */
export function rootCause(roots) {
  let stack = nearestFailures(roots);
  let cause = null;
  while (stack.length) {
    const node = stack.pop();
    const below = failing(node.children);
    for (const child of below) stack.push(child);
    if (!below.length && (cause === null || byEnd(node, cause) < 0)) cause = node;
  }
  return cause;
}

/** Siblings that are alike, shown as one row. `total` and `longest` are of what is known of their
    durations, null where nothing is. */
export class Fold {
  constructor(nodes) {
    this.nodes = nodes;
  }

  get id() { return this.nodes[0].id; }
  get place() { return this.nodes[0].place; }
  get events() { return this.nodes.reduce((sum, node) => sum + node.events, 0); }
  get total() { return this.#durations.length ? this.#durations.reduce((sum, one) => sum + one, 0) : null; }
  get longest() { return this.#durations.length ? this.#durations.reduce((most, one) => Math.max(most, one)) : null; }
  get #durations() { return this.nodes.map((node) => node.duration).filter((one) => one !== null); }
}

/** Fold three or more consecutive siblings of the same name, kind and outcome into one; never what
    failed, runs or was interrupted, itself or below. */
export function fold(children) {
  const folded = [];
  for (let first = 0; first < children.length; ) {
    let next = first + 1;
    while (next < children.length && areAlike(children[first], children[next])) next++;
    if (next - first < FEWEST_TO_FOLD) for (let i = first; i < next; i++) folded.push(children[i]);
    else folded.push(new Fold(children.slice(first, next)));
    first = next;
  }
  return folded;
}

function areAlike(one, other) {
  return (
    !one.failures && !one.unsettled && !other.failures && !other.unsettled &&
    one.name === other.name && one.kind === other.kind &&
    one.state === other.state && one.reason === other.reason
  );
}

function compare(one, other) {
  return one < other ? -1 : one > other ? 1 : 0;
}

function byOrder(one, other) {
  return compare(one.when ?? Infinity, other.when ?? Infinity) || compare(one.id, other.id);
}

function byEnd(one, other) {
  const end = (node) => node.ended ?? node.when ?? Infinity;
  return compare(end(one), end(other)) || compare(one.id, other.id);
}

/* The root of the session: its session event, else the first event without parent. */
function headOf(nodes) {
  const roots = nodes.filter((node) => node.isRoot);
  return roots.find((node) => node.kind === "session") ?? roots[0] ?? null;
}

function cutCycles(nodes, head) {
  const settled = new Set();
  for (const start of nodes) {
    const path = new Set();
    let node = start;
    while (node !== null && !settled.has(node) && !path.has(node)) {
      path.add(node);
      node = node.parent;
    }
    if (node !== null && path.has(node)) {
      const way = [...path];
      way.slice(way.indexOf(node)).sort(byOrder)[0].parent = head;
    }
    for (const one of path) settled.add(one);
  }
}

/* Number the nodes from above, then count from below. */
function tally(roots) {
  const ordered = [];
  for (const node of walk(roots)) {
    node.place = ordered.push(node) - 1;
    node.depth = node.parent === null ? 0 : node.parent.depth + 1;
  }
  for (let i = ordered.length - 1; i >= 0; i--) {
    const node = ordered[i];
    const { state, parent } = node;
    node.failures += Number(state === "failed");
    node.unsettled += Number(UNSETTLED.includes(state));
    if (parent === null) continue;
    parent.events += node.events;
    parent.failures += node.failures;
    parent.unsettled += node.unsettled;
  }
}

/* The failures whose parent did not fail, as far as they came nearest to the root; of the same
   place, log lines only where there is nothing else. */
function nearestFailures(roots) {
  let found = [];
  let rank = [true, Infinity];
  const stack = [...roots];
  while (stack.length) {
    const node = stack.pop();
    if (!node.failures) continue;
    if (!node.failed) {
      for (const child of node.children) stack.push(child);
      continue;
    }
    const own = [node.kind === "log", node.depth];
    const nearer = compare(own[0], rank[0]) || compare(own[1], rank[1]);
    if (nearer < 0) [found, rank] = [[], own];
    if (nearer <= 0) found.push(node);
  }
  return found;
}

function failing(children) {
  const failed = children.filter((child) => child.failed);
  const grave = failed.filter((child) => child.kind !== "log");
  return grave.length ? grave : failed;
}
