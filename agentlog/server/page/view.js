/* Which rows are shown, and what they say, as in agentlog/replay/rows.py; all text is made safe. */

import { GLYPHS, count, duration, safe, tokens } from "./text.js";
import { elapsed, fold, sum, walk } from "./tree.js";

const UNSPOKEN = ["succeeded", "indeterminate", null];
const LONGEST = 400;

/** Return the rows, each with its `indent`. Of the view count what is `turned` from open to closed,
    or back, `errors` only, and `ways`, the events that a search leaves. */
export function visible(roots, view) {
  const put = (items, indent) => items.map((item) => Object.assign(item, { indent }));
  const below = (item) => (isOpen(item, view) ? put(item.nodes ?? folded(item.children, view), item.indent + 1) : []);
  return [...walk(put(folded(roots, view), 0), below)];
}

/** Whether a row shows what is below it; null where nothing is. */
export function isOpen(item, view) {
  const isTurned = view.turned.has(item.key);
  if (item.nodes) return isTurned;
  return item.children.some((node) => isWanted(node, view)) ? !isTurned : null;
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
    if (at !== node) view.turned.delete(at.id);
    const within = folded(at.parent?.children ?? roots, view).find((item) => item.nodes?.includes(at));
    if (within) view.turned.add(within.key);
  }
}

/** The events in which all the words stand, or that were `found`, and the ways there. */
export function search(roots, query, found) {
  const words = query.toLowerCase().split(/\s+/);
  const matches = [...walk(roots)].filter((node) => found.has(node.id) || isMatch(node, words));
  const ways = new Set();
  for (const match of matches) {
    for (let at = match; at !== null && !ways.has(at); at = at.parent) ways.add(at);
  }
  return { matches: new Set(matches), ways };
}

function isMatch({ name, kind, state, model, reason, error, logger, level, tags, id }, words) {
  const text = [name, kind, state, model, reason, error, logger, level, ...tags, id].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Put a row into words, by the classes of its parts. At the moment that is looked at, what had not
    begun has no `state`. */
export function describe(item, { view, cause, now }) {
  const nodes = item.nodes ?? [item];
  const [node] = nodes;
  const { at } = view;
  const { when, ended } = item;
  const state = at === null || when === null ? node.state : when > at ? null : ended > at ? "running" : node.state;
  const isPast = state === node.state;
  const open = isOpen(item, view);
  const failures = node.failures - Number(node.failed);
  const notes = [
    !UNSPOKEN.includes(state) && state,
    shared(nodes, "logger"),
    isPast && !node.failed && node.reason,
    isPast && !item.nodes && (node.error ?? (node.failed && node.reason)),
    item.longest && `longest ${duration(item.longest)}`,
    open === false && !item.nodes && `… ${count(node.events - 1)} below${failures ? `, ${count(failures)} failed` : ""}`,
  ];
  return {
    state, open,
    isMatch: view.matches?.has(node),
    fold: { true: "▾", false: "▸" }[open] ?? "",
    glyph: GLYPHS[state] ?? "",
    title: safe(node.name, LONGEST),
    times: item.nodes ? `×${count(nodes.length)}` : "",
    cause: item === cause && isPast ? "← root cause" : "",
    note: notes.filter(Boolean).map((note) => safe(note, LONGEST)).join("  ·  "),
    kind: safe(node.kind === "log" && node.level ? `log ${node.level}` : node.kind, LONGEST),
    model: safe(shared(nodes, "model") ?? "", LONGEST),
    tokens: isPast ? tokens(sum(nodes, "tokensIn"), sum(nodes, "tokensOut")) : "",
    duration: state ? durationOf(item, state, at ?? now) : "",
  };
}

function durationOf({ nodes, total, started, ended, duration: known }, state, now) {
  if (nodes) return state !== "running" && total ? duration(total) : "";
  if (started !== null && started === ended) return "";
  return duration(state === "running" && now !== null ? elapsed(started, now) : known);
}

function shared(nodes, field) {
  return nodes.every((node) => node[field] === nodes[0][field]) ? nodes[0][field] : null;
}
