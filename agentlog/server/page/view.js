/* Which rows of a forest are shown, and what they say: agentlog/replay/rows.py for the page.

   The rule of this file: it decides what a reader sees, never where. All recorded text becomes safe
   here. */

import { GLYPHS, count, duration, safe, tokens } from "./text.js";
import { elapsed, fold, sum, walk } from "./tree.js";

const UNSPOKEN = ["succeeded", "indeterminate"];
const LONGEST = 400;

/** What tells a row from all others: the id of its event; of a fold, of its first, with a tilde. */
export function keyOf(item) {
  return item.nodes ? `${item.id}~` : item.id;
}

/** Return the rows; each is told its `indent`. Of the view count `closed` events, `opened` folds,
    `errors` only, and `ways`, the events that a search leaves. */
export function visible(roots, view) {
  const put = (items, indent) => {
    for (const item of items) item.indent = indent;
    return items;
  };
  const below = (item) => put(isOpen(item, view) ? item.nodes ?? folded(item.children, view) : [], item.indent + 1);
  return [...walk(put(folded(roots, view), 0), below)];
}

/** Whether a row shows what is below it; null where nothing is. */
export function isOpen(item, view) {
  if (item.nodes) return view.opened.has(item.id);
  return item.children.some((node) => isWanted(node, view)) ? !view.closed.has(item.id) : null;
}

export function isWanted(node, view) {
  return (!view.errors || node.failures > 0) && (!view.ways || view.ways.has(node));
}

function folded(nodes, view) {
  return fold(nodes.filter((node) => isWanted(node, view)));
}

/** Change `view` so that an event is on a row of its own. */
export function reveal(node, roots, view) {
  for (let at = node; at !== null; at = at.parent) {
    if (at !== node) view.closed.delete(at.id);
    const within = folded(at.parent?.children ?? roots, view).find((item) => item.nodes?.includes(at));
    if (within) view.opened.add(within.id);
  }
}

/** Return the events in which all the words stand, `matches`, and the ways that lead there too.
    `found` are the ids of those in whose payload they are known to stand. */
export function search(roots, query, found) {
  const words = query.toLowerCase().split(/\s+/);
  const [matches, ways] = [new Set(), new Set()];
  for (const node of walk(roots)) {
    if (!found.has(node.id) && !isMatch(node, words)) continue;
    matches.add(node);
    for (let at = node; at !== null && !ways.has(at); at = at.parent) ways.add(at);
  }
  return { matches, ways };
}

function isMatch({ name, kind, state, model, reason, error, logger, level, tags, id }, words) {
  const text = [name, kind, state, model, reason, error, logger, level, ...tags, id].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Put a row into words, by the classes of its parts. What runs has run up to `now`, null if unknown;
    `at` is the moment that is looked at, null for the whole run: what had not begun then has no
    `state`. */
export function describe(item, { view, cause, now, at }) {
  const nodes = item.nodes ?? [item];
  const [node] = nodes;
  const { when, ended } = item;
  const state = at === null || when === null ? node.state : when > at ? null : ended > at ? "running" : node.state;
  const isPast = state === node.state;
  const open = isOpen(item, view);
  return {
    state, open,
    isMatch: Boolean(view.matches?.has(node)),
    fold: { true: "▾", false: "▸" }[open] ?? "",
    glyph: GLYPHS[state] ?? "",
    title: safe(node.name, LONGEST),
    times: item.nodes ? `×${count(nodes.length)}` : "",
    cause: item === cause && isPast ? "← root cause" : "",
    note: state === null ? "" : noteOf(item, nodes, state, isPast, open),
    kind: safe(node.kind === "log" && node.level ? `log ${node.level}` : node.kind, LONGEST),
    model: safe(shared(nodes, "model") ?? "", LONGEST),
    tokens: isPast ? tokens(sum(nodes, "tokensIn"), sum(nodes, "tokensOut")) : "",
    duration: state === null ? "" : durationOf(item, state, at ?? now),
  };
}

function noteOf(item, nodes, state, isPast, open) {
  const [node] = nodes;
  const failures = node.failures - Number(node.failed);
  const notes = [
    !UNSPOKEN.includes(state) && state,
    shared(nodes, "logger"),
    isPast && state !== "failed" && node.reason,
    isPast && !item.nodes && (node.error ?? (state === "failed" && node.reason)),
    item.nodes && item.events > nodes.length && `with ${count(item.events - nodes.length)} below`,
    item.longest && `longest ${duration(item.longest)}`,
    open === false && !item.nodes && `… ${count(node.events - 1)} below${failures ? `, ${count(failures)} failed` : ""}`,
  ];
  return notes.filter(Boolean).map((note) => safe(note, LONGEST)).join("  ·  ");
}

function durationOf({ nodes, total, started, ended, duration: known }, state, now) {
  const isRunning = state === "running";
  if (nodes) return !isRunning && total ? duration(total) : "";
  if (started !== null && started === ended) return "";
  return duration(isRunning && now !== null ? elapsed(started, now) : known);
}

function shared(nodes, field) {
  return nodes.every((node) => node[field] === nodes[0][field]) ? nodes[0][field] : null;
}
