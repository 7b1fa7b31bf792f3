/* Recorded values as elements: JSON as keys and values, chat messages as a conversation, images as
   images.

   The rule of this file: what was recorded becomes text and nothing else; an image only from a
   data: URL of a raster image. What is long or deep is cut, with a button that shows the rest. */

import { clip, count, plural, safe, safeLines } from "./text.js";
import { element } from "./table.js";

const MOST_TEXT = 1200;
const MOST_ENTRIES = 24;
const OPEN_LEVELS = 2;
const IMAGE = /^data:image\/(png|jpe?g|gif|webp|avif|bmp);base64,[A-Za-z0-9+/=\s]+$/i;
const RAW_IMAGES = { "iVBORw0KGgo": "png", "/9j/": "jpeg", "R0lGOD": "gif", "UklGR": "webp" };
const LEAST_RAW = 200;

/** Return the element of any JSON value. */
export function valueOf(value, level = 0) {
  if (typeof value === "string") return textOf(value);
  if (value === null || typeof value !== "object") {
    return element("span", value === null ? "null" : typeof value, null, String(value));
  }
  if (value.type === "base64" && typeof value.data === "string" && typeof value.media_type === "string") {
    const image = imageOf(`data:${value.media_type};base64,${value.data}`);
    if (image) return image;
  }
  const entries = Object.entries(value);
  if (!entries.length) return element("span", "null", null, Array.isArray(value) ? "[ ]" : "{ }");
  const isList = Array.isArray(value);
  const draw = () => rest(entries, MOST_ENTRIES, "dl", ([key, one]) => entryOf(key, one, level, isList));
  if (level < OPEN_LEVELS && (level === 0 || entries.length <= 6)) return draw();
  return later(isList ? plural(entries.length, "item") : preview(entries), draw);
}

function entryOf(key, value, level, isList) {
  const name = element("dt", isList ? "index" : "", null, isList ? key : safe(clip(key, 200)) || '""');
  const body = element("dd");
  body.append(valueOf(value, level + 1));
  return [name, body];
}

function preview(entries) {
  const keys = entries.slice(0, 4).map(([key]) => safe(clip(key, 24)));
  return `{ ${keys.join(", ")}${entries.length > 4 ? ", …" : ""} }`;
}

/* Something that is drawn when it is opened. */
function later(label, draw) {
  const details = element("details");
  details.append(element("summary", "", null, label));
  details.addEventListener("toggle", () => details.append(draw()), { once: true });
  return details;
}

/* The first of many, and a button for all. */
function rest(all, most, tag, draw) {
  const list = element(tag, "value");
  list.append(...all.slice(0, most).flatMap(draw));
  if (all.length <= most) return list;
  const box = element("div");
  box.append(list, button(`show all ${count(all.length)}`, (more) => {
    list.append(...all.slice(most).flatMap(draw));
    more.remove();
  }));
  return box;
}

/** Return the element of a text, of all its lines, cut where it is long. */
export function textOf(text, className = "text") {
  const image = imageOf(text);
  if (image) return image;
  if (text === "") return element("span", "null", null, '""');
  if (text.length <= 80 && !text.includes("\n")) return element("span", className, null, safe(text));
  const box = element("div", className);
  const block = element("pre", "", null, safeLines(clip(text, MOST_TEXT)));
  box.append(block);
  if (text.length > MOST_TEXT) {
    block.append("…");
    box.append(button(`show all ${count(text.length)} characters`, (more) => {
      block.textContent = safeLines(text);
      more.remove();
    }));
  }
  return box;
}

function imageOf(text) {
  const raw = text.length >= LEAST_RAW && Object.keys(RAW_IMAGES).find((start) => text.startsWith(start));
  const url = raw ? `data:image/${RAW_IMAGES[raw]};base64,${text}` : text;
  if (!url.startsWith("data:image/") || !IMAGE.test(url)) return null;
  const image = element("img");
  image.alt = "recorded image";
  image.src = url;
  return image;
}

/** Return the elements of a prompt that is a conversation, null if it is none. */
export function conversationOf(prompt) {
  const messages = Array.isArray(prompt) ? prompt : prompt?.messages;
  if (!Array.isArray(messages) || !messages.length) return null;
  if (!messages.every((one) => typeof one?.role === "string")) return null;
  const box = element("div", "chat");
  box.append(rest(messages, MOST_ENTRIES, "div", (message) => [messageOf(message)]));
  return box;
}

/** Return the element of one message: `{role, content, tool_calls, ...}`. */
export function messageOf({ role, content, tool_calls: calls, ...others }) {
  const box = element("div", "message");
  if (["user", "assistant", "system", "tool"].includes(role)) box.classList.add(role);
  box.append(element("div", "role", null, safe(clip(role, 60))));
  for (const part of Array.isArray(content) ? content : [content]) {
    if (part !== null && part !== undefined) box.append(partOf(part));
  }
  if (Array.isArray(calls)) box.append(...calls.map(callOf));
  if (Object.keys(others).length) box.append(valueOf(others, 1));
  return box;
}

function partOf(part) {
  if (typeof part?.text === "string") return textOf(part.text);
  const url = part?.image_url?.url ?? part?.image_url;
  return (typeof url === "string" && imageOf(url)) || valueOf(part, 1);
}

function callOf(call) {
  const { name, arguments: given } = call?.function ?? {};
  if (typeof name !== "string") return valueOf(call, 1);
  const box = element("div", "call");
  box.append(element("div", "role", null, `calls ${safe(clip(name, 200))}`), valueOf(parsed(given), 1));
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
export function button(label, press, className = "") {
  const made = element("button", className, null, label);
  made.type = "button";
  made.addEventListener("click", () => press(made));
  return made;
}
