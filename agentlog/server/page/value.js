/* Recorded values as elements: JSON as keys and values, chat messages as a conversation.

   The rule of this file: what was recorded becomes text and nothing else; an image only from a
   data: URL of a raster image. What is long or deep is cut, with a way to all of it. */

import { clip, count, plural, safe, safeLines } from "./text.js";
import { element } from "./table.js";

const MOST_TEXT = 1200;
const LONGEST_LINE = 80;
const MOST_ENTRIES = 24;
const FEW = 6;
const IMAGE = /^data:image\/(png|jpe?g|gif|webp|avif);base64,[\w+/=\s]+$/i;
const RAW_IMAGES = { iVBORw0KGgo: "png", "/9j/": "jpeg", R0lGOD: "gif", UklGR: "webp" };
const LEAST_RAW = 200;

/** Return the element of any JSON value. */
export function valueOf(value, level = 0) {
  if (typeof value === "string") return textOf(value);
  if (value === null || typeof value !== "object") return element("span", "scalar", String(value));
  const image = value.type === "base64" && imageOf(`data:${value.media_type};base64,${value.data}`);
  if (image) return image;
  const entries = Object.entries(value);
  const isList = Array.isArray(value);
  if (!entries.length) return element("span", "scalar", isList ? "[]" : "{}");
  const draw = () => some(entries, "dl", ([key, one]) => {
    const body = element("dd");
    body.append(valueOf(one, level + 1));
    return [element("dt", "", safe(clip(key, 200)) || '""'), body];
  });
  if (level === 0 || (level === 1 && entries.length <= FEW)) return draw();
  const details = element("details");
  details.append(element("summary", "", plural(entries.length, isList ? "item" : "key")));
  details.addEventListener("toggle", () => details.append(draw()), { once: true });
  return details;
}

/* The first of many, and a button for all. */
function some(all, tag, draw) {
  const list = element(tag, "value");
  list.append(...all.slice(0, MOST_ENTRIES).flatMap(draw));
  const isAll = all.length <= MOST_ENTRIES;
  return isAll ? list : withMore(list, `show all ${count(all.length)}`, () => list.append(...all.slice(MOST_ENTRIES).flatMap(draw)));
}

function withMore(body, label, showAll) {
  const box = element("div");
  const more = button(label, () => (showAll(), more.remove()));
  box.append(body, more);
  return box;
}

/** Return the element of a text with all its lines, cut where it is long. */
export function textOf(text, className = "text") {
  const image = imageOf(text);
  if (image) return image;
  if (text.length <= LONGEST_LINE && !text.includes("\n")) {
    return element("span", text ? className : "scalar", text ? safe(text) : '""');
  }
  const block = element("pre", className, safeLines(clip(text, MOST_TEXT)));
  if (text.length <= MOST_TEXT) return block;
  block.append("…");
  return withMore(block, `show all ${count(text.length)} characters`, () => (block.textContent = safeLines(text)));
}

function imageOf(text) {
  const raw = text.length > LEAST_RAW && Object.keys(RAW_IMAGES).find((start) => text.startsWith(start));
  const url = raw ? `data:image/${RAW_IMAGES[raw]};base64,${text}` : text;
  if (!url.startsWith("data:image/") || !IMAGE.test(url)) return null;
  return Object.assign(element("img"), { alt: "recorded image", src: url });
}

/** Return the element of what may be a conversation: messages, or one of them. */
export function conversationOf(value) {
  const messages = Array.isArray(value) ? value : value?.messages ?? [value];
  const isChat = Array.isArray(messages) && messages.length && messages.every((one) => typeof one?.role === "string");
  return isChat ? some(messages, "div", (message) => [messageOf(message)]) : valueOf(value);
}

function messageOf({ role, content, tool_calls: calls, ...others }) {
  const box = element("div", "message");
  box.dataset.role = role;
  box.append(element("div", "role", safe(clip(role, 60))));
  for (const part of [content ?? []].flat()) {
    const url = part?.image_url?.url ?? part?.image_url;
    box.append(valueOf(typeof part?.text === "string" ? part.text : typeof url === "string" ? url : part, 1));
  }
  for (const call of [calls ?? []].flat()) {
    const { name, arguments: given } = call?.function ?? {};
    if (typeof name === "string") box.append(element("div", "role", `calls ${safe(clip(name, 200))}`));
    box.append(valueOf(typeof name === "string" ? parsed(given) : call, 1));
  }
  if (Object.keys(others).length) box.append(valueOf(others, 1));
  return box;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text ?? null;
  }
}

/** Make a button; `press` is called with it. */
export function button(label, press) {
  const made = element("button", "", label);
  made.type = "button";
  made.addEventListener("click", () => press(made));
  return made;
}
