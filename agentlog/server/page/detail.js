/* The pane: all that an event carries. What its row knows is there at once, the rest when it has come,
   unless another one is selected by then. */

import { at, button, element, pause } from "./element.js";
import { GLYPHS, clock, duration, safe, tokens } from "./text.js";
import { conversationOf, restOf, valueOf } from "./value.js";

const PATIENCE = 60; // ms, as a held key goes through many
const LONGEST = 160; // of a title, which stays in view

const [{ firstElementChild: title }, facts, body] = at("pane").children;
let shown = [];

/** Show an item; `context` is of the run, and has the `source` of events. */
export async function showInPane(item, context) {
  const node = item.nodes?.[0] ?? item;
  const now = [node.row, item.nodes?.length, context.command, context.cause?.id];
  if (now.every((one, i) => one === shown[i])) return;
  if (shown[0]?.[0] !== node.id) {
    body.replaceChildren();
    at("pane").scrollTop = 0;
  }
  shown = now;
  title.replaceChildren(
    element(`span.glyph.${node.state}`, GLYPHS[node.state]),
    element("span.title", safe(node.name, LONGEST)),
    element("span.dim", item.nodes ? `first of ${item.nodes.length}` : ""),
  );
  facts.replaceChildren(...factsOf(node, context));
  await pause(PATIENCE);
  if (shown !== now) return;
  const drawn = await context.source.event(node.id).then(
    (event) => [...sectionsOf(event, node.row, context), section("To copy", idsOf(node, context))],
    (error) => [element("p.error", safe(error.message))],
  );
  if (shown === now) body.replaceChildren(...drawn);
}

function listed(texts, draw) {
  const known = Object.entries(texts).filter(([, text]) => text);
  return known.flatMap(([name, text]) => [element("dt", name), element("dd", draw(text))]);
}

function factsOf(node, { whole, cause }) {
  const when = (moment) => moment !== null && `${clock(moment, true)}  (+${duration(moment - whole[0])})`;
  const facts = {
    Name: node.name.length > LONGEST && node.name,
    State: node.state + (node.reason ? `: ${node.reason}` : "") + (node === cause ? " ← root cause" : ""),
    Kind: [node.kind, node.level, node.logger].filter(Boolean).join(" "),
    Model: node.model,
    Tokens: tokens(node.tokensIn, node.tokensOut),
    Start: when(node.started),
    End: node.ended !== node.started && when(node.ended),
    Duration: node.duration && duration(node.duration),
    Tags: node.tags.map((tag) => `#${tag}`).join(" "),
    Rating: node.rating,
  };
  return listed(facts, valueOf);
}

function sectionsOf({ error, log, params, prompt, returns, session_id: known, ...more }, row, { fields }) {
  for (const [i, field] of fields.entries()) if (row[i] !== null) delete more[field];
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
  return element(`section.${name.toLowerCase()}`, element("h3", name), ...[body].flat());
}

function errorOf(error) {
  if (typeof error !== "object") return valueOf(error);
  const { type, message, traceback, ...others } = error;
  const known = Object.entries({ type, message, traceback }).filter(([, part]) => part);
  return [...known.map(([name, part]) => element(`div.error-${name}`, valueOf(part))), ...restOf(others)];
}

function logOf(lines) {
  return Array.isArray(lines) ? element("ol", ...lines.map(lineOf)) : valueOf(lines);
}

function lineOf(line) {
  const { timestamp, level, logger, event = null, ...others } = Object(line) === line ? line : { event: line };
  const when = typeof timestamp === "number" && clock(timestamp, true).slice(11);
  const parts = [when, level, logger].filter((part) => typeof part === "string");
  return element("li", element("span.dim", `${safe(parts.join(" "), 200)} `), valueOf(event, 1), ...restOf(others, 2));
}

function idsOf({ id, parent }, { session_id: session, command }) {
  const ids = { Event: id, Parent: parent?.id, Session: session, traceparent: `00-${session}-${id}-01`, Terminal: command };
  return element("dl.ids", ...listed(ids, toCopy));
}

/* Without TLS there is no clipboard. */
function toCopy(text) {
  const code = element("code", safe(text));
  return element("div", code, button("copy", async (pressed) => {
    getSelection().selectAllChildren(code);
    await navigator.clipboard?.writeText(text).then(() => (pressed.textContent = "copied"), () => {});
  }));
}
