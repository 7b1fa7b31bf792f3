/* The page of a session.

   The rule of this file: there is one `view`, what the reader chose, and one way to change it,
   which draws what follows and writes the address. What comes live makes a new `run` below the
   same view. */

import { Address, parse } from "./address.js";
import { place, spanOf, windowIn } from "./axis.js";
import { Detail } from "./detail.js";
import { listen as listenToKeys, tell } from "./keys.js";
import { listen } from "./live.js";
import { Overview } from "./overview.js";
import { Player, teller } from "./play.js";
import { source } from "./source.js";
import { Table, element } from "./table.js";
import { clip, clock, count, duration, plural, safe, tokens } from "./text.js";
import { GLYPHS, forest, rootCause, silenced, walk } from "./tree.js";
import { describe, isOpen, isWanted, keyOf, reveal, search, stretch, sum, visible } from "./view.js";

const SEARCH_AFTER = 250; // ms
const REST = 3; // times as long as it took to build a run, before the next is built

const at = (id) => document.getElementById(id);
const now = () => Date.now() / 1000;

let view = parse(location.hash);
let rows = new Map();
let run = null;
let sessionId = "";
let indexes = new Map();
let starts = [];
let isFollowing = false;
let isConnected = null;
let isSilent = false; // nobody sees whether it runs: the collector says so, and so it is in a file

const table = new Table(at("table"), (item) => describe(item, { ...run, view, at: moment() }), {
  select: (item) => change({ selected: keyOf(item), pane: true }, true),
  toggle,
  scroll: () => isFollowing && !table.isAtEnd && follow(false),
});
const overview = new Overview(at("map"), { zoom, pick });
const player = new Player(at("slider"), at("play"), moveTo);
const detail = new Detail(at("pane"), (id, signal) => source.event(id, signal), {
  go: (id) => goTo(run.byId.get(id)),
  close: () => change({ pane: false }),
});
const address = new Address((parsed) => {
  change(parsed, false, false);
  table.reach(table.selected, true);
});

// -- A run, which follows from the rows --------------------------------------------------------

function build() {
  const told = [...rows.values()];
  const roots = forest(isSilent ? silenced(told) : told);
  const nodes = [...walk(roots)];
  const head = roots.find((root) => root.kind === "session") ?? roots[0];
  const last = nodes.reduce((most, node) => Math.max(most, node.when ?? 0, node.ended ?? 0), 0);
  run = {
    roots, nodes, head, last,
    isLive: nodes.some((node) => node.state === "running"),
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
let isStale = false;

function update() {
  isStale = true;
  if (due) return;
  isStale = false;
  const began = performance.now();
  build();
  draw();
  due = setTimeout(() => {
    due = 0;
    if (isStale) update();
  }, REST * (performance.now() - began));
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
  const { head, nodes, failures, last } = run;
  const isRoot = Boolean(head?.isRoot);
  const state = isRoot ? head.state : "unknown";
  const start = (isRoot ? head.started : null) ?? run.whole[0];
  const spent = tokens(sum(nodes, "tokensIn"), sum(nodes, "tokensOut"));
  const facts = [
    [`${GLYPHS[state]} ${state}${state === "silent" ? ` since ${clock(last)}` : ""}`, `state ${state}`],
    [clock(start)],
    [duration(((isRoot ? head.ended : null) ?? run.now ?? last) - start)],
    [plural(nodes.length, "event")],
    [plural(failures.length, "failure"), failures.length ? "failed" : ""],
    [spent && `tokens ${spent}`],
    [head?.rating && `rated ${head.rating}`],
    ...(head?.tags ?? []).slice(0, 12).map((tag) => [`#${tag}`]),
  ];
  at("name").textContent = isRoot ? safe(clip(head.name, 300)) : "a session without its root";
  document.title = `${GLYPHS[state]} ${at("name").textContent} · agentlog`;
  at("facts").replaceChildren(...facts.filter(([text]) => text).map(([text, name]) => element("span", name, safe(clip(text, 60)))));
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
  const shown = visible(run.roots, view);
  indexes = new Map(shown.items.map((item, index) => [keyOf(item), index]));
  starts = shown.items.map((item) => (item.nodes?.[0] ?? item).when ?? Infinity);
  table.show(shown, (item) => indexes.get(keyOf(item)) ?? -1);
  at("nothing").textContent = view.query ? "nothing found" : "nothing failed";
  at("nothing").hidden = shown.items.length > 0;
  select();
}

function select() {
  table.selected = indexes.get(view.selected) ?? -1;
  table.repaint();
  const item = table.item ?? run.byId.get(view.selected?.replace("~", ""));
  at("pane").hidden = !view.pane || !item;
  if (at("pane").hidden) return detail.clear();
  const command = `agentlog replay ${sessionId}${view.errors ? " --errors" : ""}`;
  detail.show(item, { origin: run.whole[0], cause: run.cause, sessionId, command });
}

function showTime() {
  const [start] = run.whole;
  const zoomed = view.zoom && windowIn(view.zoom.map((one) => one + start), run.whole);
  Object.assign(table, { span: zoomed ?? run.whole, at: moment(), origin: start });
  table.repaint();
  overview.mark(zoomed, moment());
  player.set(run.whole, moment());
  at("moment").textContent = view.at === null ? "" : `+${duration(view.at)}: ${run.tell(moment())}`;
}

function drawTools() {
  at("errors").ariaPressed = String(view.errors);
  at("fold").textContent = view.closed.size ? "Unfold all" : "Fold all";
  at("whole").disabled = !view.zoom && view.at === null;
  at("follow").ariaPressed = String(isFollowing);
  at("follow").hidden = !run.isLive;
  at("live").textContent = isConnected === false ? "not connected" : isConnected && run.isLive ? "live" : "";
  at("found").textContent = view.matches ? `${count(view.matches.size)} found` : "";
  if (at("search").value !== view.query) at("search").value = view.query;
}

// -- Search: what the rows have at once, what events carry when the source has answered ---------

let asked = null;

function lookUp() {
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  const words = view.query.trim();
  view.found = new Set();
  match();
  if (words.length > 1) setTimeout(async () => {
    const found = signal.aborted ? [] : await source.find(words, signal).catch(() => []);
    if (signal.aborted || !found.length) return;
    view.found = new Set(found);
    match();
    showRows();
    drawTools();
  }, SEARCH_AFTER);
}

function match() {
  const { matches = null, ways = null } = view.query.trim() ? search(run.roots, view.query, view.found) : {};
  Object.assign(view, { matches, ways });
}

// -- Moving -------------------------------------------------------------------------------------

function goTo(node) {
  if (!node) return;
  const [closed, opened] = [new Set(view.closed), new Set(view.opened)];
  reveal(node, run.roots, { ...view, closed, opened });
  change({ closed, opened, selected: node.id }, true);
  table.reach(table.selected, true);
}

/* The place of the selected row, or of the nearest above it where it is folded away. */
function here() {
  let node = run.byId.get(view.selected?.replace("~", "")) ?? null;
  if (table.selected >= 0) return table.selected;
  while (node && !indexes.has(node.id)) node = node.parent;
  return node ? indexes.get(node.id) : -1;
}

function step(by) {
  const index = Math.min(Math.max(here() + by, 0), table.items.length - 1);
  if (index < 0) return;
  change({ selected: keyOf(table.items[index]) }, true);
  table.reach(index);
}

/* Go to the next of nodes in the order of the tree, around the end. */
function goToNext(nodes, isBack) {
  const here = table.item?.place ?? -1;
  const wanted = nodes.filter((node) => isWanted(node, view));
  goTo(isBack
    ? wanted.findLast((node) => node.place < here) ?? wanted.at(-1)
    : wanted.find((node) => node.place > here) ?? wanted[0]);
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
  const { item, levels, selected } = table;
  if (!item) return;
  if (isOpen(item, view)) return toggle(item);
  const parent = levels.findLastIndex((level, index) => index < selected && level < levels[selected]);
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
  if (keepsUp && moment !== null) table.reach(latest(starts, moment));
}

/* The place of the last start until a moment. */
function latest(starts, moment) {
  return starts.reduce((best, start, index) => (start <= moment && start >= (starts[best] ?? 0) ? index : best), 0);
}

function pick(moment) {
  goTo(run.nodes[latest(run.nodes.map((node) => node.when ?? Infinity), moment)]);
}

function zoom(span) {
  change({ zoom: (span && windowIn(span, run.whole)?.map((one) => one - run.whole[0])) ?? null });
}

function zoomBy(factor, shift = 0) {
  const [start, end] = table.span;
  const from = table.item && stretch(table.item)[0];
  const middle = !shift && from >= start && from <= end ? from : (start + end) / 2;
  const length = (end - start) * factor;
  const first = middle - place(middle, table.span) * length + shift * length;
  zoom([first, first + length]);
}

function zoomToItem() {
  const [start, end] = table.item ? stretch(table.item) : [null];
  if (view.zoom || start === null) return zoom(null);
  const length = Math.max((end ?? table.until) - start, (run.whole[1] - run.whole[0]) / 1000);
  zoom([start - length / 10, start + length * 1.1]);
}

// -- Live ---------------------------------------------------------------------------------------

function follow(isOn) {
  isFollowing = isOn;
  if (isOn) table.reach(table.items.length - 1);
  drawTools();
}

async function load() {
  const outline = await source.outline();
  sessionId = outline.session_id;
  isSilent = !source.address || outline.is_silent;
  rows = new Map(outline.rows.map((row) => [row[0], row]));
}

function connect() {
  if (!source.address) return;
  listen(source.address, source.at, {
    rows(changed) {
      isSilent = false;
      for (const row of changed.rows) rows.set(row[0], row);
      update();
    },
    reload: () => load().then(update, complain),
    state: (isOn) => {
      isConnected = isOn;
      drawTools();
    },
  });
}

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
    table.reach(table.selected, true);
  },
  search: () => at("search").select(),
  foldAll,
  pane: () => change({ pane: !view.pane }),
  zoom: zoomToItem,
  zoomIn: () => zoomBy(1 / 2),
  zoomOut: () => zoomBy(2),
  earlier: () => zoomBy(1, -1 / 4),
  later: () => zoomBy(1, 1 / 4),
  play: () => player.press(),
  follow: () => follow(!isFollowing),
  help: () => tell(at("keys")),
  escape: () => {
    player.pause();
    if (document.activeElement === at("search")) at("table").focus();
    if (view.query) change({ query: "" }, true);
    else if (view.at !== null || view.zoom) change({ at: null, zoom: null });
    else change({ pane: false });
    table.reach(table.selected, true);
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
  table.reach(isFollowing ? table.items.length - 1 : table.selected, true);
  address.write(view, false);
  listenToKeys(at("keys"), commands);
  at("search").addEventListener("input", () => change({ query: at("search").value }, true));
  at("search").addEventListener("keydown", ({ key, shiftKey }) => {
    if (key === "Enter" && view.matches) goToNext([...view.matches], shiftKey);
  });
  at("whole").addEventListener("click", () => change({ zoom: null, at: null }));
  for (const [id, command] of Object.entries({ errors: "errors", fold: "foldAll", follow: "follow", help: "help" })) {
    at(id).addEventListener("click", commands[command]);
  }
  at("export").hidden = !source.api;
  for (const link of at("export").querySelectorAll("a")) {
    if (source.api) link.href = `${source.api}sessions/${source.id}/export/${link.dataset.form}`;
  }
  connect();
  setInterval(tick, 1000);
}

function complain(error) {
  at("name").textContent ||= "Session";
  at("run").hidden = at("tools").hidden = run === null;
  at("nothing").textContent = `This session cannot be shown: ${safe(error.message)}`;
  at("nothing").hidden = false;
}

begin().catch(complain);
