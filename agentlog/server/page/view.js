/* Which rows of a forest are shown, and what they say: agentlog/replay/rows.py for the page.

   The rule of this file: it decides what a reader sees (which events, folded or not, in which
   words), never where. Pure; all recorded text becomes safe here. */

import { clip, count, duration, safe, tokens } from "./text.js";
import { Fold, GLYPHS, elapsed, fold, walk } from "./tree.js";

const UNSPOKEN = new Set(["succeeded", "indeterminate"]);
const LONGEST = 400;

/** What tells a row from all others: the id of its event; of a fold, of its first, with a tilde. */
export function keyOf(item) {
  return item instanceof Fold ? `${item.id}~` : item.id;
}

/** Return the rows as `items`, and how deep each is as `levels`. `view` is what the reader chose:
    `closed` events, `opened` folds, `errors` only, and `ways`, the events that a search leaves. */
export function visible(roots, view) {
  const items = [];
  const levels = [];
  const stack = [];
  const push = (below, level) => {
    for (let i = below.length - 1; i >= 0; i--) stack.push([below[i], level]);
  };
  push(folded(roots, view), 0);
  while (stack.length) {
    const [item, level] = stack.pop();
    items.push(item);
    levels.push(level);
    if (isOpen(item, view)) push(item.nodes ?? folded(item.children, view), level + 1);
  }
  return { items, levels };
}

/** Whether a row shows what is below it; null where nothing is. */
export function isOpen(item, view) {
  if (item instanceof Fold) return view.opened.has(item.id);
  const hasMore = view.errors || view.ways ? item.children.some((node) => isWanted(node, view)) : item.children.length;
  return hasMore ? !view.closed.has(item.id) : null;
}

export function isWanted(node, view) {
  return (!view.errors || node.failures > 0) && (!view.ways || view.ways.has(node));
}

function folded(nodes, view) {
  return fold(view.errors || view.ways ? nodes.filter((node) => isWanted(node, view)) : nodes);
}

/** Change `view` so that an event is on a row of its own. */
export function reveal(node, roots, view) {
  for (let at = node; at !== null; at = at.parent) {
    if (at !== node) view.closed.delete(at.id);
    const siblings = folded(at.parent === null ? roots : at.parent.children, view);
    const within = siblings.find((item) => item instanceof Fold && item.nodes.includes(at));
    if (within) view.opened.add(within.id);
  }
}

/** Return the events in which all the words stand, as a set, and with them the ways to them.
    `found` are the ids of events whose payload is known to have the words. */
export function search(roots, query, found = new Set()) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = new Set();
  const ways = new Set();
  for (const node of walk(roots)) {
    if (!found.has(node.id) && !words.every((word) => textOf(node).includes(word))) continue;
    matches.add(node);
    for (let at = node; at !== null && !ways.has(at); at = at.parent) ways.add(at);
  }
  return { matches, ways };
}

function textOf(node) {
  const { name, kind, state, model, reason, error, logger, level, tags, id } = node;
  return [name, kind, state, model, reason, error, logger, level, ...tags, id].join(" ").toLowerCase();
}

/** What was of an item at a moment: null before it began, `running` while it was open. */
export function stateAt(item, at) {
  const first = item.nodes?.[0] ?? item;
  if (at === null) return first.state;
  const [start, end] = stretch(item);
  if (start !== null && start > at) return null;
  return end !== null && end > at ? "running" : first.state;
}

/** Where an item lies in time: start and end, null where nobody knows. */
export function stretch(item) {
  if (!item.nodes) return [item.when, item.ended];
  const places = item.nodes.flatMap((node) => [node.when, node.ended]).filter((one) => one !== null);
  return places.length ? [Math.min(...places), Math.max(...places)] : [null, null];
}

/** Put a row into words. `now` is the moment up to which what runs has run, null if unknown;
    `at` the moment that is looked at, null for the whole run. */
export function describe(item, { view, cause, now, at }) {
  const first = item.nodes?.[0] ?? item;
  const state = stateAt(item, at);
  const [start, end] = stretch(item);
  const isPast = state === first.state;
  const notes = state === null ? [] : notesOf(item, first, state, isPast);
  const open = isOpen(item, view);
  if (open === false && !item.nodes) notes.push(hidden(item));
  return {
    state,
    glyph: state === null ? "" : GLYPHS[state],
    name: safe(clip(first.name, LONGEST)),
    times: item.nodes ? `×${count(item.nodes.length)}` : "",
    isCause: item === cause && isPast,
    isFailed: isPast && first.failed,
    note: notes.join("  ·  "),
    kind: kindOf(first),
    model: safe(clip(shared(item, "model") ?? "", LONGEST)),
    tokens: isPast ? tokens(sum(item, "tokensIn"), sum(item, "tokensOut")) : "",
    duration: state === null ? "" : durationOf(item, state, at ?? now),
    start,
    end,
    open,
  };
}

function notesOf(item, first, state, isPast) {
  const notes = UNSPOKEN.has(state) ? [] : [state];
  const logger = shared(item, "logger");
  if (logger) notes.push(logger);
  if (isPast && first.reason && state !== "failed") notes.push(first.reason);
  const error = isPast && !item.nodes && (first.error ?? (state === "failed" ? first.reason : null));
  if (error) notes.push(error);
  if (item.nodes && item.events > item.nodes.length) {
    notes.push(`with ${count(item.events - item.nodes.length)} below`);
  }
  if (item.longest > 0) notes.push(`longest ${duration(item.longest)}`);
  return notes.map((note) => safe(clip(note, LONGEST)));
}

function kindOf(node) {
  const level = node.kind === "log" ? node.level : null;
  return safe(clip([node.kind, level].filter(Boolean).join(" "), 60));
}

function hidden(node) {
  const failures = node.failures - Number(node.failed);
  return `… ${count(node.events - 1)} below${failures ? `, ${count(failures)} failed` : ""}`;
}

function durationOf(item, state, now) {
  if (item.nodes) return state === "running" ? "" : item.total ? duration(item.total) : "";
  const { started, ended } = item;
  if (started !== null && started === ended) return "";
  if (state === "running" && started !== null && now !== null) return duration(elapsed(started, now));
  return duration(item.duration);
}

function shared(item, field) {
  const value = item.nodes?.[0][field] ?? item[field] ?? null;
  return item.nodes?.every((node) => node[field] === value) === false ? null : value;
}

function sum(item, field) {
  const known = (item.nodes ?? [item]).map((node) => node[field]).filter((value) => value !== null);
  return known.length ? known.reduce((total, value) => total + value, 0) : null;
}
