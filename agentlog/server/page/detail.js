/* The pane: all that an event carries.

   The rule of this file: what its row knows of an event is there at once, the rest when it has
   come; and what comes for an event that is no longer the selected one is dropped. */

import { button, element } from "./element.js";
import { GLYPHS, clock, duration, plural, safe, tokens } from "./text.js";
import { conversationOf, textOf, valueOf } from "./value.js";

const PATIENCE = 60; // ms before the event is asked for, as a held key goes through many
const LONGEST = 160; // of a title, which stays in view

export class Detail {
  #asked = null;
  #shown = [];

  /** `event(id, signal)` gives a whole event. */
  constructor(pane, event, close) {
    Object.assign(this, { pane, event, close });
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
    const body = isOther ? element("div") : this.pane.lastChild;
    this.#shown = shown;
    this.#asked?.abort();
    this.#asked = new AbortController();
    this.pane.replaceChildren(this.#head(item, node), factsOf(node, context), body);
    if (isOther) this.pane.scrollTop = 0;
    this.#fill(node, body, context, this.#asked.signal);
  }

  async #fill(node, body, context, signal) {
    await new Promise((done) => setTimeout(done, PATIENCE));
    if (signal.aborted) return;
    const drawn = await this.event(node.id, signal).then(
      (event) => [...sectionsOf(event, context), idsOf(node, context)],
      (error) => [element("p.error", safe(error.message))],
    );
    if (!signal.aborted) body.replaceChildren(...drawn);
  }

  #head({ nodes }, { name, state }) {
    const title = element("h2", element(`span.glyph.${state}`, GLYPHS[state]), element("span.title", safe(name, LONGEST)));
    if (nodes) title.append(element("span.dim", `first of ${nodes.length}`));
    const close = button("×", this.close);
    close.className = "close";
    close.ariaLabel = "Close the details";
    return element("header", title, close);
  }
}

/* Names with what stands behind them, where there is something. */
function list(kind, facts) {
  const there = Object.entries(facts).filter(([, body]) => body);
  return element(kind, ...there.flatMap(([name, body]) => [element("dt", name), element("dd", body)]));
}

function factsOf(node, { origin, cause }) {
  const when = (moment) => moment !== null && `${clock(moment, true)}  (+${duration(moment - origin)})`;
  const facts = {
    Name: node.name.length > LONGEST && node.name,
    State: node.state + (node.reason ? `: ${node.reason}` : "") + (node.id === cause?.id ? " ← root cause" : ""),
    Kind: [node.kind, node.level, node.logger].filter(Boolean).join(" "),
    Model: node.model,
    Tokens: tokens(node.tokensIn, node.tokensOut),
    Start: when(node.started),
    End: node.ended !== node.started && when(node.ended),
    Duration: node.duration && duration(node.duration),
    Below: node.events > 1 && `${plural(node.events - 1, "event")}, ${plural(node.failures - Number(node.failed), "failure")}`,
    Tags: node.tags.map((tag) => `#${tag}`).join(" "),
    Rating: node.rating,
  };
  for (const name in facts) facts[name] &&= textOf(facts[name]);
  return list("dl", facts);
}

function sectionsOf({ error, log, params, prompt, returns, ...more }, { fields }) {
  for (const field of fields) delete more[field];
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
  return typeof value === "object" ? Object.keys(value ?? {}).length > 0 : value !== undefined;
}

function section(name, body) {
  return element(`section.${name.toLowerCase()}`, element("h3", name), body);
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
  return Array.isArray(lines) ? element("ol", ...lines.map(lineOf)) : valueOf(lines);
}

function lineOf(line) {
  const { timestamp, level, logger, event, ...others } = line !== null && typeof line === "object" ? line : { event: line };
  const when = typeof timestamp === "number" ? clock(timestamp, true).slice(11) : null;
  const parts = [when, level, logger].filter((part) => typeof part === "string");
  const row = element("li", element("span.dim", `${safe(parts.join(" "), 200)} `), valueOf(event ?? null, 1));
  if (isThere(others)) row.append(valueOf(others, 2));
  return row;
}

function idsOf({ id, parent }, { sessionId, command }) {
  const texts = {
    Event: id, Parent: parent?.id, Session: sessionId, traceparent: `00-${sessionId}-${id}-01`, Terminal: command,
  };
  for (const name in texts) texts[name] &&= toCopy(texts[name]);
  return section("To copy", list("dl.ids", texts));
}

function toCopy(text) {
  return element("div", element("code", safe(text)), button("copy", (pressed) => copy(text, pressed)));
}

/* There is no clipboard where the page came without TLS from another machine. */
async function copy(text, pressed) {
  const isDone = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  pressed.textContent = isDone ? "copied" : "not allowed";
  setTimeout(() => (pressed.textContent = "copy"), 1200);
}
