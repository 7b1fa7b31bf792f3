/* The page of a session: what the reader does changes the view, and the view is drawn.

   The rule of this file: there is one view, and one way to change it (`change`), which draws what
   follows from it and writes the address. What comes live makes a new forest under the same view. */

import { Address, parse } from "./address.js";
import { place, spanOf, windowIn } from "./axis.js";
import { Detail, copy } from "./detail.js";
import { listen, tell } from "./keys.js";
import { Overview } from "./overview.js";
import { Moments, Player } from "./play.js";
import { source } from "./source.js";
import { Table, element } from "./table.js";
import { clock, count, duration, plural, safe, tokens } from "./text.js";
import { Fold, GLYPHS, forest, rootCause, walk } from "./tree.js";
import { describe, isOpen, isWanted, keyOf, reveal, search, stretch, visible } from "./view.js";

const SILENT_AFTER = 600;
const at = (id) => document.getElementById(id);
const wide = matchMedia("(min-width: 900px)");

let sessionId = "";
let rows = new Map();
let run = null; // what follows from the rows: { roots, nodes, cause, failures, moments, whole, now }
let view = parse(location.hash);
let found = new Set();
let isFollowing = false;

const table = new Table(at("table"), (item) => {
  const said = describe(item, { view, cause: run.cause, now: run.now, at: view.at === null ? null : view.at + run.whole[0] });
  said.isMatch = Boolean(view.matches?.has(item.nodes?.[0] ?? item));
  return said;
}, {
  select: (item) => change({ selected: keyOf(item), pane: true }, true),
  toggle,
  scroll: () => {
    if (isFollowing && !table.isAtEnd) follow(false);
  },
});
const overview = new Overview(at("map"), { zoom, pick });
const player = new Player(at("slider"), at("play"), (moment) => {
  change({ at: moment === null ? null : moment - run.whole[0] });
  if (player.isPlaying && moment !== null) keepUp(moment);
});
const detail = new Detail(at("pane"), (id, signal) => source.event(id, signal), {
  go: (id) => goTo(run.byId.get(id)),
  close: () => change({ pane: false }),
});
const address = new Address((parsed) => change(parsed, false, true));

// -- From rows to a run -----------------------------------------------------------------------

function build() {
  const roots = forest([...rows.values()]);
  const nodes = [...walk(roots)];
  const last = nodes.reduce((most, node) => Math.max(most, node.ended ?? 0, node.when ?? 0), 0);
  const head = roots.find((root) => root.kind === "session") ?? roots[0];
  const isRunning = nodes.some((node) => node.state === "running");
  const clockNow = Date.now() / 1000;
  const isSilent = isRunning && (source.isFile || clockNow - last > SILENT_AFTER);
  const now = isRunning && !isSilent ? clockNow : null;
  const whole = spanOf(roots, now, run?.whole);
  run = {
    roots, nodes, head, isRunning, isSilent, now, last, whole,
    byId: new Map(nodes.map((node) => [node.id, node])),
    cause: rootCause(roots),
    failures: nodes.filter((node) => node.failed),
    moments: new Moments(nodes),
  };
  const has = (field) => nodes.some((node) => node[field] !== null);
  at("table").classList.toggle("no-model", !has("model"));
  at("table").classList.toggle("no-tokens", !has("tokensIn") && !has("tokensOut"));
}

function drawHead() {
  const { head, nodes, failures, isSilent, last, now } = run;
  const isRoot = head?.isRoot;
  const state = !isRoot ? "unknown" : isSilent && head.state === "running" ? "silent" : head.state;
  const start = (isRoot ? head.started : null) ?? run.whole[0];
  const end = (isRoot ? head.ended : null) ?? now ?? last;
  at("name").textContent = isRoot ? safe(head.name.slice(0, 300)) : "a session without its root";
  document.title = `${GLYPHS[state]} ${at("name").textContent} · agentlog`;
  const total = (field) => nodes.reduce((sum, node) => (node[field] === null ? sum : (sum ?? 0) + node[field]), null);
  const spent = tokens(total("tokensIn"), total("tokensOut"));
  const parts = [
    [`${GLYPHS[state]} ${state}${state === "silent" ? ` since ${clock(last)}` : ""}`, `state ${state}`],
    [clock(start)],
    [duration(end - start)],
    [plural(nodes.length, "event")],
    [plural(failures.length, "failure"), failures.length ? "failed" : ""],
    spent && [`tokens ${spent}`],
    isRoot && head.rating && [`rated ${safe(head.rating.slice(0, 80))}`],
    ...(head?.tags ?? []).slice(0, 12).map((tag) => [`#${safe(tag.slice(0, 60))}`, "tag"]),
  ];
  at("facts").replaceChildren(...parts.filter(Boolean).map(([text, name]) => element("span", name, null, text)));
}

// -- The one way to change the view -----------------------------------------------------------

function change(changes, isStep = false, isFromAddress = false) {
  const before = view;
  view = { ...view, ...changes };
  const isOther = (name) => name in changes && before[name] !== view[name];
  if (isOther("query")) lookUp();
  if (["query", "errors", "closed", "opened", "ways"].some(isOther)) showRows();
  if (isOther("selected") || isFromAddress) {
    select();
    if (isFromAddress) bringIntoView();
  }
  if (isOther("zoom") || isOther("at")) showTime();
  drawPane();
  drawTools();
  if (!isFromAddress) address.write(view, isStep);
}

function showRows() {
  const shown = visible(run.roots, view);
  const indexes = new Map(shown.items.map((item, index) => [keyOf(item), index]));
  table.indexes = indexes;
  table.show(shown, (item) => indexes.get(keyOf(item)) ?? -1);
  select();
  at("nothing").hidden = shown.items.length > 0;
  at("nothing").textContent = view.query ? "nothing found" : view.errors ? "nothing failed" : "no events yet";
}

function select() {
  table.select(table.indexes.get(view.selected) ?? -1);
}

function showTime() {
  const [start] = run.whole;
  const zoomed = view.zoom ? windowIn(view.zoom.map((one) => one + start), run.whole) : null;
  const moment = view.at === null ? null : view.at + start;
  table.until = run.now ?? run.whole[1];
  table.setTime(zoomed ?? run.whole, moment, start);
  overview.mark(zoomed, moment);
  player.set(run.whole, moment);
  at("moment").textContent = moment === null ? "" : `+${duration(view.at)}: ${run.moments.tell(moment)}`;
}

function drawPane() {
  const item = table.item ?? run.byId.get(view.selected?.replace("~", ""));
  const isShown = Boolean(view.pane && item);
  at("pane").hidden = !isShown;
  if (!isShown) return detail.clear();
  const flags = view.errors ? " --errors" : "";
  detail.show(item, {
    origin: run.whole[0],
    cause: run.cause,
    sessionId,
    command: `agentlog replay ${sessionId}${flags}`,
  });
}

function drawTools() {
  at("errors").ariaPressed = String(view.errors);
  at("whole").hidden = !view.zoom && view.at === null;
  at("fold").textContent = view.closed.size ? "Unfold all" : "Fold all";
  at("follow").ariaPressed = String(isFollowing);
  at("follow").hidden = !run.isRunning || source.isFile;
  if (at("search").value !== view.query) at("search").value = view.query;
  at("found").textContent = view.matches ? `${count(view.matches.size)} found` : "";
}

// -- Search -----------------------------------------------------------------------------------

let looking = null;

function lookUp() {
  looking?.abort();
  found = new Set();
  match();
  const words = view.query.trim();
  if (words.length < 2) return;
  looking = new AbortController();
  const { signal } = looking;
  setTimeout(async () => {
    if (signal.aborted) return;
    const ids = await source.find(words, signal).catch(() => []);
    if (signal.aborted || !ids.length) return;
    found = new Set(ids);
    match();
    change({ ways: view.ways });
    showRows();
  }, 250);
}

function match() {
  const { matches, ways } = view.query.trim() ? search(run.roots, view.query, found) : {};
  view.matches = matches ?? null;
  view.ways = ways ?? null;
}

function nextMatch(step) {
  const places = [...(view.matches ?? [])].filter((node) => isWanted(node, view));
  goTo(next(places, step));
}

// -- Moving -----------------------------------------------------------------------------------

function goTo(node, where = "middle") {
  if (!node) return;
  const [closed, opened] = [new Set(view.closed), new Set(view.opened)];
  reveal(node, run.roots, { ...view, closed, opened });
  change({ closed, opened, selected: node.id }, true);
  bringIntoView(where);
}

function bringIntoView(where = "middle") {
  if (table.selected >= 0 && !table.isInView(table.selected)) table.reach(table.selected, where);
}

function step(rows) {
  const index = Math.min(Math.max(table.selected + rows, 0), table.items.length - 1);
  if (index < 0) return;
  if (rows < 0) follow(false);
  change({ selected: keyOf(table.items[index]) }, true);
  table.reach(index);
}

/* The next of nodes in the order of the tree, around the end. */
function next(nodes, step) {
  const here = table.item?.place ?? -1;
  if (step > 0) return nodes.find((node) => node.place > here) ?? nodes[0];
  return nodes.findLast((node) => node.place < here) ?? nodes.at(-1);
}

function toggle(item) {
  const name = item instanceof Fold ? "opened" : "closed";
  const ids = new Set(view[name]);
  if (!ids.delete(item.id)) ids.add(item.id);
  change({ [name]: ids });
}

function unfold() {
  const { item } = table;
  if (item && isOpen(item, view) === false) toggle(item);
  else if (item && isOpen(item, view)) step(1);
}

function foldOrParent() {
  const { item, levels, selected } = table;
  if (!item) return;
  if (isOpen(item, view)) return toggle(item);
  let index = selected;
  while (index > 0 && levels[index] >= levels[selected]) index--;
  if (levels[index] < levels[selected]) step(index - selected);
}

function foldAll() {
  const closed = new Set();
  if (!view.closed.size) {
    for (const node of run.nodes) if (node.children.length && node.depth === 1) closed.add(node.id);
  }
  change({ closed, opened: new Set() });
  bringIntoView();
}

// -- Time -------------------------------------------------------------------------------------

function zoom(span) {
  const fitting = span && windowIn(span, run.whole);
  change({ zoom: fitting && fitting.map((one) => one - run.whole[0]) });
}

function zoomBy(factor, shift = 0) {
  const [start, end] = (view.zoom ?? [0, run.whole[1] - run.whole[0]]).map((one) => one + run.whole[0]);
  const [from] = table.item ? stretch(table.item) : [null];
  const middle = from !== null && from >= start && from <= end && !shift ? from : (start + end) / 2;
  const part = place(middle, [start, end]);
  const length = (end - start) * factor;
  const first = middle - part * length + shift * length;
  zoom([first, first + length]);
}

function zoomToItem() {
  if (view.zoom || !table.item) return zoom(null);
  const [start, end] = stretch(table.item);
  if (start === null) return;
  const length = Math.max((end ?? run.now ?? run.whole[1]) - start, (run.whole[1] - run.whole[0]) / 1000);
  zoom([start - length * 0.1, start + length * 1.1]);
}

/* Go to the failure that is near, else to the event that began last before a moment. */
function pick(moment, tolerance) {
  const near = (node) => Math.abs((node.ended ?? node.when) - moment);
  const failures = run.failures.filter((node) => near(node) <= tolerance && !node.children.some((child) => child.failed));
  const latest = (best, node) => (node.when <= moment && (!best || node.when >= best.when) ? node : best);
  goTo(failures.sort((one, other) => near(one) - near(other))[0] ?? run.nodes.reduce(latest, null));
}

function stepTime(isBack) {
  player.pause();
  const moment = run.moments.next((view.at ?? (isBack ? Infinity : -1)) + run.whole[0], isBack);
  change({ at: moment === null ? null : moment - run.whole[0] });
  if (moment !== null) keepUp(moment);
}

/* Keep in view what began last before a moment. */
function keepUp(moment) {
  let last = -1;
  let latest = -1;
  for (const [index, item] of table.items.entries()) {
    const when = item.when ?? item.nodes?.[0].when;
    if (when !== null && when <= moment && when >= latest) [last, latest] = [index, when];
  }
  if (last >= 0) table.reach(last);
}

// -- Live -------------------------------------------------------------------------------------

function follow(isOn) {
  isFollowing = isOn;
  if (isOn) table.reach(table.items.length - 1);
  drawTools();
}

let due = 0;

/* Build anew, but for no more than a part of the time. */
function changed() {
  due ||= setTimeout(() => {
    const began = performance.now();
    update();
    const spent = performance.now() - began;
    due = setTimeout(() => {
      due = 0;
      if (run.rows !== rows.size || run.isStale) changed();
    }, 3 * spent);
    run.isStale = false;
    run.rows = rows.size;
  });
}

function update() {
  build();
  match();
  showRows();
  overview.show(run.nodes, run.whole, run.now ?? run.whole[1]);
  showTime();
  drawHead();
  drawPane();
  drawTools();
  if (isFollowing) table.reach(table.items.length - 1);
}

function connect() {
  source.live({
    rows(fresh) {
      for (const row of fresh) rows.set(row[0], row);
      if (run) run.isStale = true;
      changed();
    },
    reload: async () => {
      await load();
      update();
      connect();
    },
    state(isConnected) {
      at("live").textContent = isConnected ? (run.isRunning ? "live" : "") : "not connected";
    },
  });
}

async function load() {
  const outline = await source.outline();
  sessionId = outline.session_id;
  rows = new Map(outline.rows.map((row) => [row[0], row]));
}

/* What runs gets longer. */
function tick() {
  if (!run.isRunning || run.isSilent || document.hidden) return;
  run.now = Date.now() / 1000;
  const whole = spanOf(run.roots, run.now, run.whole);
  if (whole[1] !== run.whole[1]) {
    run.whole = whole;
    overview.show(run.nodes, whole, run.now);
  }
  showTime();
  drawHead();
}

// -- Beginning --------------------------------------------------------------------------------

async function begin() {
  try {
    await load();
  } catch (error) {
    at("name").textContent = "This session cannot be shown";
    at("nothing").hidden = false;
    at("nothing").textContent = safe(error.message);
    return;
  }
  build();
  const isGiven = view.selected !== null;
  const { cause, head } = run;
  if (!isGiven) {
    view.selected = (cause ?? head)?.id ?? null;
    view.pane = Boolean(cause) || wide.matches;
    if (cause) reveal(cause, run.roots, view);
  }
  isFollowing = !isGiven && run.now !== null && !cause;
  update();
  table.repaintNow();
  bringIntoView();
  if (view.query) lookUp();
  address.write(view, false);
  connect();
  setInterval(tick, 1000);
}

const commands = {
  down: () => step(1),
  up: () => step(-1),
  pageDown: () => step(table.perPage),
  pageUp: () => step(-table.perPage),
  first: () => step(-Infinity),
  last: () => step(Infinity),
  fold: foldOrParent,
  unfold,
  nextFailure: () => goTo(next(run.failures.filter((node) => isWanted(node, view)), 1)),
  failureBefore: () => goTo(next(run.failures.filter((node) => isWanted(node, view)), -1)),
  errors: () => {
    change({ errors: !view.errors }, true);
    bringIntoView();
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
  step: () => stepTime(false),
  stepBack: () => stepTime(true),
  slower: () => player.faster(1 / 2),
  faster: () => player.faster(2),
  follow: () => follow(!isFollowing),
  copy: () => {
    address.flush();
    copy(location.href, at("live"));
  },
  help: () => {
    tell(at("help"));
    at("help").showModal();
  },
  escape,
};

function escape() {
  player.pause();
  if (document.activeElement === at("search")) at("table").focus();
  if (view.query) change({ query: "" }, true);
  else if (view.at !== null) change({ at: null });
  else if (view.zoom) zoom(null);
  else if (view.pane) change({ pane: false });
  bringIntoView();
}

listen(commands);
at("search").addEventListener("input", () => change({ query: at("search").value }, true));
at("search").addEventListener("keydown", (event) => {
  if (event.key === "Enter") nextMatch(event.shiftKey ? -1 : 1);
  if (event.key === "ArrowDown") at("table").focus();
});
at("errors").addEventListener("click", commands.errors);
at("fold").addEventListener("click", foldAll);
at("follow").addEventListener("click", commands.follow);
at("keys").addEventListener("click", commands.help);
at("whole").addEventListener("click", () => change({ zoom: null, at: null }));
begin();
