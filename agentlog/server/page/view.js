/* Which rows of a forest are shown, and what they say: agentlog/replay/rows.py for the page.

   The rule of this file: it decides what a reader sees, never where. Pure; all recorded text
   becomes safe here. */

import { clip, count, duration, safe, tokens } from "./text.js";
import { GLYPHS, elapsed, fold, walk } from "./tree.js";

const UNSPOKEN = ["succeeded", "indeterminate"];
const LONGEST = 400;

/** What tells a row from all others: the id of its event; of a fold, of its first, with a tilde. */
export function keyOf(item) {
  return item.nodes ? `${item.id}~` : item.id;
}

/** Return the rows as `items`, and how deep each is as `levels`. Of the view count `closed` events,
    `opened` folds, `errors` only, and `ways`, the events that a search leaves. */
export function visible(roots, view) {
  const [items, levels, stack] = [[], [], []];
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
    const siblings = folded(at.parent?.children ?? roots, view);
    const within = siblings.find((item) => item.nodes?.includes(at));
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

/** Where an item lies in time: start and end, null where nobody knows. */
export function stretch(item) {
  if (!item.nodes) return [item.when, item.ended];
  const known = item.nodes.flatMap((node) => [node.when, node.ended]).filter((one) => one !== null);
  return known.length ? [Math.min(...known), Math.max(...known)] : [null, null];
}

/** Put a row into words. What runs has run up to `now`, null if unknown; `at` is the moment that
    is looked at, null for the whole run: what had not begun then has no `state`. */
export function describe(item, { view, cause, now, at }) {
  const nodes = item.nodes ?? [item];
  const [node] = nodes;
  const [start, end] = stretch(item);
  const state = at === null || start === null ? node.state : start > at ? null : end > at ? "running" : node.state;
  const isPast = state === node.state;
  const open = isOpen(item, view);
  return {
    state, start, end, open,
    glyph: GLYPHS[state] ?? "",
    name: safe(clip(node.name, LONGEST)),
    times: item.nodes ? `×${count(nodes.length)}` : "",
    isCause: item.id === cause?.id && !item.nodes && isPast,
    isMatch: Boolean(view.matches?.has(node)),
    note: state === null ? "" : noteOf(item, nodes, state, isPast, open),
    kind: safe(clip(node.kind === "log" && node.level ? `log ${node.level}` : node.kind, LONGEST)),
    model: safe(clip(shared(nodes, "model") ?? "", LONGEST)),
    tokens: isPast ? tokens(sum(nodes, "tokensIn"), sum(nodes, "tokensOut")) : "",
    duration: state === null ? "" : durationOf(item, state, at ?? now),
  };
}

function noteOf(item, nodes, state, isPast, open) {
  const [node] = nodes;
  const failures = node.failures - Number(node.failed);
  const said = node.error ?? (state === "failed" ? node.reason : null);
  const notes = [
    !UNSPOKEN.includes(state) && state,
    shared(nodes, "logger"),
    isPast && state !== "failed" && node.reason,
    isPast && !item.nodes && said,
    item.events > nodes.length && item.nodes && `with ${count(item.events - nodes.length)} below`,
    item.longest && `longest ${duration(item.longest)}`,
    open === false && !item.nodes && `… ${count(node.events - 1)} below${failures ? `, ${count(failures)} failed` : ""}`,
  ];
  return notes.filter(Boolean).map((note) => safe(clip(note, LONGEST))).join("  ·  ");
}

function durationOf(item, state, now) {
  if (item.nodes) return state !== "running" && item.total ? duration(item.total) : "";
  const { started, ended } = item;
  if (started !== null && started === ended) return "";
  return duration(state === "running" && now !== null ? elapsed(started, now) : item.duration);
}

function shared(nodes, field) {
  return nodes.every((node) => node[field] === nodes[0][field]) ? nodes[0][field] : null;
}

/** The sum of what is known of a field of nodes, null where nothing is. */
export function sum(nodes, field) {
  return nodes.reduce((total, node) => (node[field] === null ? total : (total ?? 0) + node[field]), null);
}
