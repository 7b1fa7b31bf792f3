/* The list of sessions: newest first, live, each a link to its page.

   The rule of this file: what the reader looks for stands in the fragment of the address, and what
   is shown follows from it. The collector filters; what it tells live is filtered in the same way. */

import { List } from "./list.js";
import { listen } from "./live.js";
import { clock, count, duration, plural, safe, tokens } from "./text.js";
import { GLYPHS } from "./tree.js";

const FIRST = 100; // soon there
const MORE = 2000;
const AT_ONCE = 10_000; // the rest is asked for by who comes near
const EVENTS = 20;
const LONGEST = 300;
const api = new URL("../v1/", import.meta.url).href;
const at = (id) => document.getElementById(id);
const glyphs = { ...GLYPHS, silent: "◌" };
const fields = ["q", "state", "tag"];

let view = {};
let known = new Map();
let asking = new AbortController();
let isMore = false;

// -- What is looked for -------------------------------------------------------------------------

function parse() {
  const given = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(fields.map((name) => [name, given.get(name) ?? ""]));
}

function look(changes, isStep = true) {
  const wanted = { ...view, ...changes };
  const chosen = new URLSearchParams(fields.filter((name) => wanted[name]).map((name) => [name, wanted[name]]));
  const address = chosen.size ? `#${chosen}` : location.pathname;
  if (fields.some((name) => wanted[name] !== view[name])) {
    history[isStep ? "pushState" : "replaceState"](null, "", address);
    turn(wanted);
  }
}

function turn(wanted) {
  view = wanted;
  for (const name of fields) if (at(name).value !== view[name]) at(name).value = view[name];
  at("clear").hidden = !fields.some((name) => view[name]);
  load();
  find();
}

/* As the collector decides it. */
function isWanted(session) {
  const told = [session.event_type ?? "", ...session.tags].map((text) => text.toLowerCase());
  const text = view.q.toLowerCase();
  return (!view.state || session.state === view.state)
    && (!view.tag || session.tags.includes(view.tag))
    && (session.id.startsWith(text) || text.split(/\s+/).every((word) => told.some((one) => one.includes(word))));
}

// -- What the collector has ---------------------------------------------------------------------

async function ask(path, signal) {
  const answer = await fetch(api + path, { signal });
  if (answer.ok) return answer.json();
  if (answer.status === 401) location.reload();
  throw new Error((await answer.json().catch(() => ({}))).detail ?? `the collector answers ${answer.status}`);
}

async function load() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  const found = new Map();
  const query = new URLSearchParams(fields.filter((name) => view[name].trim()).map((name) => [name, view[name]]));
  query.set("limit", FIRST);
  try {
    do {
      const page = await ask(`sessions?${query}`, signal);
      for (const session of page.sessions) found.set(session.id, session);
      known = found;
      isMore = page.next !== null;
      draw();
      query.set("limit", MORE);
      query.set("before", page.next);
      if (isMore && found.size >= AT_ONCE) await list.nearEnd();
    } while (isMore && !signal.aborted);
  } catch (error) {
    if (!signal.aborted) say(String(error.message));
  }
}

/* Events with the words, of all sessions; the list has those with the words in name and tags. */
async function find() {
  const words = view.q.trim();
  const { signal } = asking;
  const { results } = words.length < 2 ? { results: [] }
    : await ask(`search?${new URLSearchParams({ q: words, limit: EVENTS })}`, signal).catch(() => ({ results: [] }));
  if (signal.aborted) return;
  at("found").hidden = !results.length;
  at("found").replaceChildren(...results.map((event) => {
    const made = link(event.session_id, `#e=${encodeURIComponent(event.id)}`);
    const why = [event.error?.type, event.error?.message].filter(Boolean).join(": ") || event.reason;
    const isFailed = event.result === "Fail";
    made.append(
      part(isFailed ? "failed" : "dim", isFailed ? glyphs.failed : "·"),
      part("name", said(event.event_type)),
      part(isFailed ? "failed" : "dim", said(why, "")),
      part("dim", clock(event.timestamp ?? null)),
    );
    return made;
  }));
}

// -- What is shown ------------------------------------------------------------------------------

function draw() {
  const order = (a, b) => b.timestamp - a.timestamp || (a.id < b.id ? 1 : -1);
  const sessions = [...known.values()].sort(order);
  list.show(sessions);
  at("count").textContent = `${isMore ? "the newest " : ""}${plural(sessions.length, "session")}`;
  const tags = [...new Set(sessions.slice(0, MORE).flatMap((session) => session.tags))].sort().slice(0, 100);
  at("tags").replaceChildren(...tags.map((tag) => Object.assign(document.createElement("option"), { value: tag })));
  const isNarrowed = fields.some((name) => view[name]);
  say(sessions.length ? "" : isNarrowed ? "No session is like that." : "Nothing has been recorded yet.");
  if (!sessions.length && !isNarrowed) {
    at("nothing").append(part("code", `AGENTLOG_ENDPOINT=${new URL("..", api).href.replace(/\/$/, "")} python agent.py`));
  }
}

function say(text) {
  at("nothing").hidden = !text;
  at("nothing").textContent = text;
}

function part(name, text = "", role = null) {
  const made = document.createElement("span");
  made.className = name;
  made.textContent = text;
  if (role) made.setAttribute("role", role);
  return made;
}

function said(text, otherwise = "unnamed") {
  return safe(String(text || otherwise).slice(0, LONGEST));
}

function link(id, fragment = "") {
  const made = document.createElement("a");
  made.href = `${new URL("../sessions/", import.meta.url).href}${encodeURIComponent(id)}${fragment}`;
  return made;
}

function make() {
  const row = part("row", "", "row");
  for (const name of ["state", "name", "when", "took", "events", "failures", "tokens"]) row.append(part(name, "", "cell"));
  return row;
}

function fill(row, session) {
  const [state, name, when, took, events, failures, spent] = row.children;
  const start = session.timestamp;
  const end = session.end_timestamp ?? (session.state === "running" ? Date.now() / 1000 : session.last);
  row.className = `row ${session.state}`;
  state.textContent = `${glyphs[session.state]} ${session.state}`;
  const title = name.querySelector("a") ?? link("");
  title.href = link(session.id).href;
  title.textContent = said(session.event_type);
  name.replaceChildren(title, ...session.tags.slice(0, 8).map((tag) => {
    const made = document.createElement("button");
    Object.assign(made, { type: "button", className: "tag", textContent: `#${said(tag)}`, title: `only #${said(tag)}`, value: tag });
    return made;
  }));
  when.textContent = clock(start);
  took.textContent = start === null || end === null ? "" : duration(end - start);
  events.textContent = count(session.events);
  failures.textContent = session.failures ? count(session.failures) : "";
  spent.textContent = session.prompt_tokens || session.completion_tokens ? tokens(session.prompt_tokens, session.completion_tokens) : "";
}

// -- What the reader does -----------------------------------------------------------------------

const list = new List(at("list"), make, fill);
const failed = (from, step) => {
  const many = list.items.length;
  for (let n = 1; n <= many; n++) {
    const place = (from + n * step + many * 2) % many;
    if (list.items[place].state === "failed") return list.go(place);
  }
};
const keys = {
  j: () => list.go(list.index + 1),
  k: () => list.go(list.index - 1),
  g: () => list.go(0),
  G: () => list.go(list.items.length - 1),
  n: () => failed(list.index, 1),
  N: () => failed(Math.max(0, list.index), -1),
  e: () => look({ state: view.state === "failed" ? "" : "failed" }),
  "/": () => at("q").select(),
  "?": () => at("help").showModal(),
  Escape: () => {
    document.activeElement.blur();
    look({ q: "", state: "", tag: "" });
  },
};
Object.assign(keys, { ArrowDown: keys.j, ArrowUp: keys.k, Home: keys.g, End: keys.G });

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || at("help").open) return;
  if (target.matches("input, select") && key !== "Escape" && !(target.id === "q" && key === "ArrowDown")) return;
  if (!Object.hasOwn(keys, key)) return;
  event.preventDefault();
  keys[key]();
});
at("tools").addEventListener("submit", (event) => event.preventDefault());
at("tools").addEventListener("change", ({ target }) => look({ [target.id]: target.value }));
let typing = 0;
let isTyped = false;
at("q").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => {
    look({ q: at("q").value }, !isTyped); // one step back for all that is typed
    isTyped = true;
  }, 150);
});
at("q").addEventListener("blur", () => { isTyped = false; });
at("clear").addEventListener("click", keys.Escape);
at("keys").addEventListener("click", keys["?"]);
at("list").addEventListener("click", ({ target }) => {
  if (target.className === "tag") look({ tag: target.value });
});
for (const state of Object.keys(glyphs)) at("state").add(new Option(`${glyphs[state]} ${state}`, state));
addEventListener("popstate", () => turn(parse()));
setInterval(() => {
  if (!document.hidden && list.items.some((session) => session.state === "running")) list.paint(true);
}, 1000);

let isListening = false;
view = parse();
listen(`${api}live`, null, {
  state: (isOn) => {
    at("live").textContent = isOn ? "" : "not connected";
    if (!isListening) turn(view); // from now on nothing is missed
    isListening = true;
  },
  sessions: (changed) => {
    for (const session of changed) {
      if (isWanted(session)) known.set(session.id, session);
      else known.delete(session.id);
    }
    draw();
  },
  reload: () => load(),
});
