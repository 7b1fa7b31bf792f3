/* The pane: all that an event carries.

   The rule of this file: what its row knows of an event is there at once, the rest when it has
   come; and what comes for an event that is no longer the selected one is dropped. */

import { clip, clock, duration, plural, safe, tokens } from "./text.js";
import { element } from "./table.js";
import { GLYPHS } from "./tree.js";
import { button, conversationOf, textOf, valueOf } from "./value.js";

const PATIENCE = 60; // ms before the event is asked for, as a held key goes through many
const LONGEST = 160; // of a title, which stays in view
const IN_FACTS = [
  "id", "session_id", "parent_id", "event_type", "action_type", "timestamp", "end_timestamp", "result", "reason",
  "rating", "model", "tags", "prompt_tokens", "completion_tokens", "level", "logger",
];

export class Detail {
  #asked = null;
  #shown = [];

  /** `event(id, signal)` gives a whole event; `on` has `go(id)` and `close()`. */
  constructor(pane, event, on) {
    Object.assign(this, { pane, event, on });
  }

  clear() {
    this.#asked?.abort();
    this.#shown = [];
    this.pane.replaceChildren();
  }

  /** Show an item; nothing is drawn again as long as it and the `context` are the same. */
  show(item, context) {
    const node = item.nodes?.[0] ?? item;
    const shown = [node.row, item.nodes?.length, context.command, context.cause?.id];
    if (shown.every((one, i) => one === this.#shown[i])) return;
    const isOther = this.#shown[0]?.[0] !== node.id;
    this.#shown = shown;
    this.#asked?.abort();
    this.#asked = new AbortController();
    const body = isOther ? element("div") : this.pane.lastChild;
    this.pane.replaceChildren(this.#head(item, node), factsOf(node, context), body);
    if (isOther) this.pane.scrollTop = 0;
    this.#fill(node, body, context, this.#asked.signal);
  }

  async #fill(node, body, context, signal) {
    await new Promise((done) => setTimeout(done, PATIENCE));
    if (signal.aborted) return;
    try {
      const event = await this.event(node.id, signal);
      if (!signal.aborted) body.replaceChildren(...sectionsOf(event), idsOf(node, context, this.on));
    } catch (error) {
      if (!signal.aborted) body.replaceChildren(element("p", "error", safe(error.message)));
    }
  }

  #head(item, node) {
    const head = element("header");
    const title = element("h2");
    const close = button("×", this.on.close);
    close.className = "close";
    close.ariaLabel = "Close the details";
    title.append(element("span", `glyph ${node.state}`, GLYPHS[node.state]), element("span", "title", safe(clip(node.name, LONGEST))));
    if (item.nodes) title.append(element("span", "dim", `first of ${item.nodes.length}`));
    head.append(title, close);
    return head;
  }
}

function factsOf(node, { origin, cause }) {
  const when = (moment) => moment !== null && `${clock(moment, true)}  (+${duration(moment - origin)})`;
  const below = `${plural(node.events - 1, "event")}, ${plural(node.failures - Number(node.failed), "failure")}`;
  const facts = {
    Name: node.name.length > LONGEST && node.name,
    State: node.state + (node.reason ? `: ${node.reason}` : "") + (node.id === cause?.id ? " ← root cause" : ""),
    Kind: [node.kind, node.level, node.logger].filter(Boolean).join(" "),
    Model: node.model,
    Tokens: tokens(node.tokensIn, node.tokensOut),
    Start: when(node.started),
    End: node.ended !== node.started && when(node.ended),
    Duration: node.duration && duration(node.duration),
    Below: node.events > 1 && below,
    Tags: node.tags.map((tag) => `#${tag}`).join(" "),
    Rating: node.rating,
  };
  const list = element("dl");
  for (const [name, text] of Object.entries(facts)) {
    if (!text) continue;
    const body = element("dd");
    body.append(textOf(text));
    list.append(element("dt", "", name), body);
  }
  return list;
}

function sectionsOf(event) {
  const { error, log, params, prompt, returns, ...more } = event;
  for (const field of IN_FACTS) delete more[field];
  const sections = [
    ["Error", error, errorOf],
    ["Log before the failure", log, logOf],
    ["Params", params, valueOf],
    ["Prompt", prompt, conversationOf],
    ["Returns", returns, conversationOf],
    ["More", more, valueOf],
  ];
  return sections.filter(([, value]) => isThere(value)).map(([name, value, draw]) => section(name, draw(value)));
}

function isThere(value) {
  return value !== null && value !== undefined && (typeof value !== "object" || Object.keys(value).length > 0);
}

function section(name, body) {
  const made = element("section", name.toLowerCase());
  made.append(element("h3", "", name), body);
  return made;
}

function errorOf(error) {
  if (typeof error !== "object") return valueOf(error);
  const box = element("div");
  const others = { ...error };
  for (const field of ["type", "message", "traceback"]) {
    if (typeof error[field] !== "string") continue;
    box.append(textOf(error[field], `error-${field}`));
    delete others[field];
  }
  if (isThere(others)) box.append(valueOf(others));
  return box;
}

function logOf(lines) {
  if (!Array.isArray(lines)) return valueOf(lines);
  const list = element("ol");
  for (const line of lines) {
    const { timestamp, level, logger, event, ...others } = line !== null && typeof line === "object" ? line : { event: line };
    const row = element("li");
    const when = typeof timestamp === "number" ? clock(timestamp, true).slice(11) : null;
    const parts = [when, level, logger].filter((part) => typeof part === "string");
    row.append(element("span", "dim", `${safe(clip(parts.join(" "), 200))} `), valueOf(event ?? null, 1));
    if (isThere(others)) row.append(valueOf(others, 2));
    list.append(row);
  }
  return list;
}

function idsOf(node, { sessionId, command }, on) {
  const list = element("dl", "ids");
  const add = (name, text) => {
    const line = element("dd");
    line.append(element("code", "", safe(text)), button("copy", (pressed) => copy(text, pressed)));
    list.append(element("dt", "", name), line);
  };
  add("Event", node.id);
  if (node.parent) {
    add("Parent", node.parent.id);
    list.lastChild.append(button("go", () => on.go(node.parent.id)));
  }
  add("Session", sessionId);
  add("traceparent", `00-${sessionId}-${node.id}-01`);
  add("Terminal", command);
  return section("To copy", list);
}

/* There is no clipboard where the page came without TLS from another machine. */
async function copy(text, pressed) {
  const isDone = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  pressed.textContent = isDone ? "copied" : "not allowed";
  setTimeout(() => (pressed.textContent = "copy"), 1200);
}
