/* The pane: all that an event carries.

   The rule of this file: what is known of an event at once (its row) is there at once, the rest
   when it has come; and what came for an event that is no longer the selected one is dropped. */

import { clip, clock, duration, plural, safe, tokens } from "./text.js";
import { element } from "./table.js";
import { GLYPHS } from "./tree.js";
import { button, conversationOf, textOf, valueOf } from "./value.js";

const PATIENCE = 60;
const SHOWN = new Set([
  "id", "session_id", "parent_id", "event_type", "action_type", "timestamp", "end_timestamp", "result",
  "reason", "rating", "model", "tags", "prompt_tokens", "completion_tokens", "level", "logger", "error",
  "params", "prompt", "returns", "log", "source", "notes", "process",
]);

export class Detail {
  #pane;
  #asked = null;
  #shown = null;

  /** `event(id, signal)` gives a whole event; `on` has `go(id)` and `close()`. */
  constructor(pane, event, on) {
    this.#pane = pane;
    this.event = event;
    this.on = on;
  }

  clear() {
    this.#asked?.abort();
    this.#shown = null;
    this.#pane.replaceChildren();
  }

  /** Show an item; `command` is what shows the same in a terminal. Again for the same item it
      keeps what is there, unless the row has changed. */
  show(item, context) {
    const node = item.nodes?.[0] ?? item;
    if (this.#shown?.row === node.row && this.#shown.item === item) return;
    const isOther = this.#shown?.row[0] !== node.id;
    this.#shown = { row: node.row, item };
    this.#asked?.abort();
    this.#asked = new AbortController();
    const body = isOther ? element("div", "body") : this.#pane.lastChild;
    this.#pane.replaceChildren(this.#head(item, node), factsOf(item, node, context), body);
    if (isOther) this.#pane.scrollTop = 0;
    this.#fill(node, body, context, this.#asked.signal);
  }

  async #fill(node, body, context, signal) {
    await new Promise((done) => setTimeout(done, PATIENCE));
    if (signal.aborted) return;
    try {
      const event = await this.event(node.id, signal);
      if (!signal.aborted) body.replaceChildren(...sectionsOf(event ?? {}), idsOf(node, context, this.on));
    } catch (error) {
      if (!signal.aborted) body.replaceChildren(element("p", "error", null, safe(error.message)));
    }
  }

  #head(item, node) {
    const head = element("header");
    const title = element("h2", node.state);
    title.append(element("span", "glyph", null, GLYPHS[node.state]), textOf(clip(node.name, 2000), "title"));
    if (item.nodes) title.append(element("span", "times", null, `first of ${item.nodes.length}`));
    const close = button("×", () => this.on.close(), "close");
    close.ariaLabel = "Close the details";
    head.append(title, close);
    return head;
  }
}

function factsOf(item, node, { origin, cause }) {
  const list = element("dl", "facts");
  const add = (name, text) => {
    if (text) list.append(element("dt", "", null, name), element("dd", "", null, safe(clip(text, 2000))));
  };
  const state = node.reason ? `${node.state}: ${node.reason}` : node.state;
  add("State", node === cause ? `${state} ← root cause` : state);
  add("Kind", [node.kind, node.level, node.logger].filter(Boolean).join(" "));
  add("Model", node.model);
  add("Tokens", tokens(node.tokensIn, node.tokensOut));
  add("Start", node.started !== null && `${clock(node.started, true)}  (+${duration(node.started - origin)})`);
  if (node.ended !== node.started) {
    add("End", node.ended !== null && `${clock(node.ended, true)}  (+${duration(node.ended - origin)})`);
    add("Duration", node.duration !== null && duration(node.duration));
  }
  add("Below", node.events > 1 && `${plural(node.events - 1, "event")}, ${plural(node.failures - Number(node.failed), "failure")}`);
  add("Tags", node.tags.map((tag) => `#${tag}`).join(" "));
  add("Rating", node.rating);
  return list;
}

function* sectionsOf(event) {
  const { error, log, params, prompt, returns, source, process, notes } = event;
  if (present(error)) yield section("Error", errorOf(error), "error");
  if (Array.isArray(log) && log.length) yield section("Log before the failure", logOf(log));
  if (present(params)) yield section("Params", valueOf(params));
  if (present(prompt)) yield section("Prompt", conversationOf(prompt) ?? valueOf(prompt));
  if (present(returns)) yield section("Returns", returnsOf(returns));
  const others = Object.fromEntries(Object.entries({ ...event, source, process, notes })
    .filter(([field, value]) => present(value) && (!SHOWN.has(field) || ["source", "process", "notes"].includes(field))));
  if (present(others)) yield section("More", valueOf(others));
}

function present(value) {
  return value !== null && value !== undefined && !(typeof value === "object" && !Object.keys(value).length);
}

function returnsOf(returns) {
  const isMessage = typeof returns?.role === "string" && "content" in returns;
  return isMessage ? conversationOf([returns]) : conversationOf(returns) ?? valueOf(returns);
}

function section(name, body, className = "") {
  const made = element("section", className);
  made.append(element("h3", "", null, name), body);
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
  if (present(others)) box.append(valueOf(others));
  return box;
}

function logOf(lines) {
  const list = element("ol", "log");
  for (const line of lines) {
    const row = element("li");
    const { timestamp, level, logger, event, ...others } = typeof line === "object" && line ? line : { event: line };
    const when = typeof timestamp === "number" ? clock(timestamp, true).slice(11) : "";
    const parts = [when, level, logger].filter((part) => typeof part === "string" && part);
    row.append(element("span", "dim", null, safe(clip(parts.join(" "), 200))), " ");
    row.append(typeof event === "string" ? textOf(event) : valueOf(event ?? null, 1));
    if (Object.keys(others).length) row.append(valueOf(others, 2));
    list.append(row);
  }
  return list;
}

function idsOf(node, { sessionId, command }, on) {
  const list = element("dl", "ids");
  const add = (name, text) => {
    const line = element("dd");
    line.append(element("code", "", null, safe(text)), button("copy", (pressed) => copy(text, pressed), "copy"));
    list.append(element("dt", "", null, name), line);
  };
  add("Event", node.id);
  if (node.parent) {
    add("Parent", node.parent.id);
    list.lastChild.append(button("go", () => on.go(node.parent.id), "copy"));
  }
  add("Session", sessionId);
  add("traceparent", `00-${sessionId}-${node.id}-01`);
  add("Terminal", command);
  return section("To copy", list);
}

/** Put a text into the clipboard, and say so on the button. */
export async function copy(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = pressed.textContent;
  pressed.textContent = "copied";
  setTimeout(() => (pressed.textContent = label), 1200);
}
