/* The page of a session.

   The rule of this file: there is one `view`, what the reader chose, and one way to change it,
   which draws what follows and writes the address. What comes live makes a new `run` below the
   same view. */

import { Address, parse } from "./address.js";
import { spanOf, windowIn } from "./axis.js";
import { Detail } from "./detail.js";
import { at, element } from "./element.js";
import { listen as listenToKeys, tell } from "./keys.js";
import { listen } from "./live.js";
import { Overview } from "./overview.js";
import { Player, teller } from "./play.js";
import { source } from "./source.js";
import { Table } from "./table.js";
import { GLYPHS, clock, count, duration, plural, safe, tokens } from "./text.js";
import { forest, rootCause, sum, walk } from "./tree.js";
import { describe, isOpen, isWanted, keyOf, reveal, search, visible } from "./view.js";

const SILENT_AFTER = 600; // s, as the collector's list has it
const SEARCH_AFTER = 250; // ms
const REST = 3; // times as long as it took to build a run, before the next is built

const now = () => Date.now() / 1000;

let view = parse(location.hash);
let outline = null;
let rows = new Map();
let run = null;
let indexes = new Map();
let isFollowing = false;

const table = new Table(at("table"), (item) => describe(item, { ...run, view, at: moment() }), {
  select: (item) => change({ selected: keyOf(item), pane: true }, true),
  toggle,
  scroll: () => isFollowing && !table.isAtEnd && follow(false),
});
const overview = new Overview(at("map"), { zoom, pick });
const player = new Player(at("slider"), at("play"), moveTo);
const detail = new Detail(at("pane"), (id, signal) => source.event(id, signal), () => change({ pane: false }));
const address = new Address((parsed) => {
  change(parsed, false, false);
  reach();
});

// -- A run, which follows from the rows --------------------------------------------------------

function build() {
  const roots = forest([...rows.values()]);
  const nodes = [...walk(roots)];
  const last = nodes.reduce((most, node) => Math.max(most, node.when, node.ended), 0);
  const isRunning = nodes.some((node) => node.state === "running");
  run = {
    roots, nodes, last,
    head: roots.find((root) => root.kind === "session") ?? roots[0],
    isLive: isRunning && Boolean(source.api) && now() - last < SILENT_AFTER,
    cause: rootCause(roots),
    failures: nodes.filter((node) => node.failed),
    byId: new Map(nodes.map((node) => [node.id, node])),
    tell: teller(nodes),
    whole: run?.whole,
  };
  setNow();
  for (const field of ["model", "tokensIn"]) at("table").classList.toggle(`no-${field}`, nodes.every((node) => node[field] === null));
}

function setNow() {
  run.now = run.isLive ? now() : null;
  run.whole = spanOf(run.head, run.nodes, run.now, run.whole);
  table.until = run.now ?? run.whole[1];
}

/* Build and draw anew, but for no more than a part of the time. */
let due = 0;
let rested = 0;

function update() {
  due ||= setTimeout(() => {
    const began = performance.now();
    due = 0;
    build();
    draw();
    rested = performance.now() + REST * (performance.now() - began);
  }, rested - performance.now());
}

function draw() {
  match();
  showRows();
  overview.show(run.nodes, run.whole, table.until);
  showTime();
  drawHead();
  drawTools();
  if (isFollowing) table.reach(table.items.length - 1);
}

function drawHead() {
  const { nodes, failures, isLive, last, whole } = run;
  const head = run.head?.isRoot ? run.head : null;
  const state = !head ? "unknown" : head.state === "running" && !isLive ? "silent" : head.state;
  const start = head?.started ?? whole[0];
  const spent = tokens(sum(nodes, "tokensIn"), sum(nodes, "tokensOut"));
  const facts = [
    [`${GLYPHS[state]} ${state}${state === "silent" ? ` since ${clock(last)}` : ""}`, `span.state.${state}`],
    [clock(start)],
    [duration((head?.ended ?? run.now ?? last) - start)],
    [plural(nodes.length, "event")],
    [plural(failures.length, "failure"), failures.length ? "span.failed" : "span"],
    [spent && `tokens ${spent}`],
    [head?.rating && `rated ${head.rating}`],
    ...(run.head?.tags ?? []).slice(0, 12).map((tag) => [`#${tag}`]),
  ];
  at("name").textContent = head ? safe(head.name, 300) : "a session without its root";
  document.title = `${GLYPHS[state]} ${at("name").textContent} · agentlog`;
  at("facts").replaceChildren(...facts.filter(([text]) => text).map(([text, kind = "span"]) => element(kind, safe(text, 60))));
}

// -- The view, and the one way to change it ----------------------------------------------------

function change(changes, isStep = false, isWritten = true) {
  const before = view;
  view = { ...view, ...changes };
  const isOther = (...names) => names.some((name) => before[name] !== view[name]);
  if (isOther("query")) lookUp();
  if (isOther("errors", "closed", "opened", "ways")) showRows();
  else if (isOther("selected", "pane")) select();
  if (isOther("zoom", "at")) showTime();
  drawTools();
  if (isWritten) address.write(view, isStep);
}

function showRows() {
  const items = visible(run.roots, view);
  indexes = new Map(items.map((item, index) => [keyOf(item), index]));
  table.show(items, (item) => indexes.get(keyOf(item)) ?? -1);
  at("nothing").textContent = view.query ? "nothing found" : "nothing failed";
  at("nothing").hidden = items.length > 0;
  select();
}

function select() {
  table.selected = indexes.get(view.selected) ?? -1;
  table.repaint();
  const item = table.item ?? chosen();
  at("pane").hidden = !view.pane || !item;
  if (at("pane").hidden) return detail.clear();
  const { session_id: sessionId, fields } = outline;
  const command = `agentlog replay ${sessionId}${view.errors ? " --errors" : ""}`;
  detail.show(item, { origin: run.whole[0], cause: run.cause, sessionId, fields, command });
}

function chosen() {
  return run.byId.get(view.selected?.replace("~", ""));
}

function showTime() {
  const [origin] = run.whole;
  const zoomed = view.zoom && windowIn(view.zoom.map((one) => one + origin), run.whole);
  Object.assign(table, { span: zoomed ?? run.whole, at: moment(), origin });
  table.repaint();
  overview.mark(zoomed, moment());
  player.set(run.whole, moment());
  at("moment").textContent = view.at === null ? "" : `+${duration(view.at)}: ${run.tell(moment())}`;
}

function drawTools() {
  at("errors").ariaPressed = view.errors;
  at("fold").textContent = view.closed.size ? "Unfold all" : "Fold all";
  at("whole").disabled = !view.zoom && view.at === null;
  at("follow").ariaPressed = isFollowing;
  at("follow").hidden = !run.isLive;
  at("found").textContent = view.matches ? `${count(view.matches.size)} found` : "";
  if (at("search").value !== view.query) at("search").value = view.query;
}

// -- Search: what the rows have at once, what events carry when the source has answered ---------

let asked = new AbortController();

async function lookUp() {
  asked.abort();
  asked = new AbortController();
  const { signal } = asked;
  const words = view.query.trim();
  view.found = new Set();
  match();
  await new Promise((done) => setTimeout(done, SEARCH_AFTER));
  if (signal.aborted || words.length < 2) return;
  const found = await source.find(words, signal).catch(() => []);
  if (signal.aborted || !found.length) return;
  view.found = new Set(found);
  match();
  showRows();
  drawTools();
}

function match() {
  const { matches = null, ways = null } = view.query.trim() ? search(run.roots, view.query, view.found) : {};
  Object.assign(view, { matches, ways });
}

// -- Moving -------------------------------------------------------------------------------------

/* Bring the selected row into view. */
function reach() {
  table.reach(table.selected, true);
}

function goTo(node) {
  if (!node) return;
  const [closed, opened] = [new Set(view.closed), new Set(view.opened)];
  reveal(node, run.roots, { ...view, closed, opened });
  change({ closed, opened, selected: node.id }, true);
  reach();
}

/* From the selected row, or the nearest above it where it is folded away. */
function step(by) {
  let node = chosen();
  while (node && !indexes.has(node.id)) node = node.parent;
  const here = table.item ? table.selected : indexes.get(node?.id) ?? -1;
  const index = Math.min(Math.max(here + by, 0), table.items.length - 1);
  if (index < 0) return;
  change({ selected: keyOf(table.items[index]) }, true);
  table.reach(index);
}

/* Go to the next of nodes in the order of the tree, around the end. */
function goToNext(nodes, isBack) {
  const here = table.item?.place ?? -1;
  const wanted = nodes.filter((node) => isWanted(node, view));
  if (isBack) goTo(wanted.findLast((node) => node.place < here) ?? wanted.at(-1));
  else goTo(wanted.find((node) => node.place > here) ?? wanted[0]);
}

function toggle(item) {
  const name = item.nodes ? "opened" : "closed";
  const ids = new Set(view[name]);
  if (!ids.delete(item.id)) ids.add(item.id);
  change({ [name]: ids, selected: keyOf(item) });
}

function unfold() {
  const open = table.item && isOpen(table.item, view);
  if (open) step(1);
  else if (open === false) toggle(table.item);
}

function foldOrParent() {
  const { item, items, selected } = table;
  if (!item) return;
  if (isOpen(item, view)) return toggle(item);
  const parent = items.findLastIndex((other, index) => index < selected && other.indent < item.indent);
  if (parent >= 0) step(parent - selected);
}

function foldAll() {
  const parents = view.closed.size ? [] : run.nodes.filter((node) => node.depth === 1 && node.children.length);
  change({ closed: new Set(parents.map((node) => node.id)), opened: new Set() });
}

// -- Time ---------------------------------------------------------------------------------------

function moment() {
  return view.at === null ? null : view.at + run.whole[0];
}

function moveTo(moment, keepsUp = false) {
  change({ at: moment === null ? null : moment - run.whole[0] });
  if (keepsUp && moment !== null) table.reach(latest(table.items, moment));
}

function pick(moment) {
  goTo(run.nodes[latest(run.nodes, moment)]);
}

/* The place of the last to start until a moment. */
function latest(items, moment) {
  return items.reduce((best, { when }, index) => (when !== null && when <= moment && when >= items[best].when ? index : best), 0);
}

function zoom(span) {
  change({ zoom: windowIn(span, run.whole)?.map((one) => one - run.whole[0]) ?? null });
}

function zoomBy(factor, shift = 0) {
  const [start, end] = table.span;
  const length = (end - start) * factor;
  const first = (start + end - length) / 2 + shift * length;
  zoom([first, first + length]);
}

function zoomToItem() {
  const { when = null, ended } = table.item ?? {};
  if (view.zoom || when === null) return change({ zoom: null });
  const length = Math.max((ended ?? table.until) - when, (run.whole[1] - run.whole[0]) / 1000);
  zoom([when - length / 10, when + length * 1.1]);
}

// -- Live ---------------------------------------------------------------------------------------

function follow(isOn) {
  isFollowing = isOn;
  if (isOn) table.reach(table.items.length - 1);
  drawTools();
}

async function load() {
  outline = await source.outline();
  rows = new Map(outline.rows.map((row) => [row[0], row]));
}

const changes = {
  rows(changed) {
    for (const row of changed.rows) rows.set(row[0], row);
    update();
  },
  reload: () => load().then(update, complain),
  state: (isListening) => (at("live").textContent = !isListening ? "not connected" : run.isLive ? "live" : ""),
};

/* What runs gets longer. */
function tick() {
  if (!run.isLive || document.hidden) return;
  const [, end] = run.whole;
  setNow();
  if (run.whole[1] !== end) overview.show(run.nodes, run.whole, table.until);
  showTime();
  drawHead();
}

// -- What the reader can do ---------------------------------------------------------------------

const commands = {
  down: () => step(1),
  up: () => step(-1),
  fold: foldOrParent,
  unfold,
  pageDown: () => step(table.perPage),
  pageUp: () => step(-table.perPage),
  first: () => step(-Infinity),
  last: () => step(Infinity),
  nextFailure: () => goToNext(run.failures),
  failureBefore: () => goToNext(run.failures, true),
  errors: () => {
    change({ errors: !view.errors }, true);
    reach();
  },
  search: () => at("search").select(),
  foldAll,
  pane: () => change({ pane: !view.pane }),
  zoom: zoomToItem,
  zoomIn: () => zoomBy(1 / 2),
  zoomOut: () => zoomBy(2),
  earlier: () => zoomBy(1, -1 / 4),
  later: () => zoomBy(1, 1 / 4),
  whole: () => change({ at: null, zoom: null }),
  play: () => player.press(),
  follow: () => follow(!isFollowing),
  help: () => tell(at("keys")),
  escape: () => {
    player.pause();
    if (document.activeElement === at("search")) at("table").focus();
    if (view.query) change({ query: "" }, true);
    else if (view.at !== null || view.zoom) commands.whole();
    else change({ pane: false });
    reach();
  },
};

async function begin() {
  await load();
  build();
  if (view.selected === null) {
    const first = run.cause ?? run.head;
    isFollowing = run.isLive && !run.cause;
    view.selected = first?.id ?? null;
    view.pane = Boolean(run.cause) || matchMedia("(min-width: 900px)").matches;
    if (first) reveal(first, run.roots, view);
  }
  lookUp();
  draw();
  table.repaintNow();
  if (!isFollowing) reach();
  address.write(view, false);
  listenToKeys(at("keys"), commands);
  for (const button of document.querySelectorAll("[data-command]")) {
    button.addEventListener("click", commands[button.dataset.command]);
  }
  at("search").addEventListener("input", () => change({ query: at("search").value }, true));
  at("search").addEventListener("keydown", ({ key, shiftKey }) => {
    if (key === "Enter" && view.matches) goToNext([...view.matches], shiftKey);
  });
  for (const link of document.querySelectorAll("[data-form]")) link.href = `${source.api}sessions/${source.id}/export/${link.dataset.form}`;
  if (source.api) listen(`${source.api}live?session=${source.id}`, source.at, changes);
  setInterval(tick, 1000);
}

function complain(error) {
  at("name").textContent ||= "Session";
  at("run").hidden = at("tools").hidden = run === null;
  at("nothing").textContent = `This session cannot be shown: ${safe(error.message)}`;
  at("nothing").hidden = false;
}

begin().catch(complain);
