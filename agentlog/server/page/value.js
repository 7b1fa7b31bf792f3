/* Recorded values as elements: they become text and nothing else, or an image, in which nothing runs.
   What is long or deep is cut, with a way to all of it. */

import { button, element } from "./element.js";
import { LINES, count, parsed, plural, safe } from "./text.js";

const MOST_TEXT = 1200;
const LONGEST_LINE = 80;
const LONGEST_NAME = 200;
const MOST_ENTRIES = 24;
const FEW = 6;
const IMAGE = /^data:image\/(png|jpe?g|gif|webp|avif|svg\+xml);base64,[\w+/=\s]+$/i;
const RAW_IMAGE = /^(iVBORw0KGgo|\/9j\/|R0lGOD|UklGR)[\w+/=\s]{200,}$/; // browsers look which

export function valueOf(value, level = 0) {
  if (typeof value === "string") return textOf(value);
  const entries = Object.entries(value ?? {});
  if (!entries.length) return element("span.scalar", JSON.stringify(value));
  const image = value.type === "base64" && imageOf(`data:${value.media_type};base64,${value.data}`);
  if (image) return image;
  const draw = () => some(entries, "dl.value", ([key, one]) => [
    element("dt", safe(key, LONGEST_NAME) || '""'), element("dd", valueOf(one, level + 1)),
  ]);
  if (level * entries.length <= FEW) return draw();
  const details = element("details", element("summary", plural(entries.length, Array.isArray(value) ? "item" : "key")));
  details.addEventListener("toggle", () => details.append(draw()), { once: true });
  return details;
}

export function restOf(others, level = 0) {
  return Object.keys(others).length ? [valueOf(others, level)] : [];
}

function some(all, kind, draw) {
  const list = element(kind);
  const show = (part) => part.flatMap(draw).forEach((one) => list.append(one)); // too many for a call
  show(all.slice(0, MOST_ENTRIES));
  if (all.length <= MOST_ENTRIES) return list;
  return withMore(list, count(all.length), () => show(all.slice(MOST_ENTRIES)));
}

function withMore(body, many, showAll) {
  return element("div", body, button(`show all ${many}`, (more) => (showAll(), more.remove())));
}

function textOf(text) {
  const image = imageOf(text);
  if (image) return image;
  if (!text) return element("span.scalar", '""');
  if (text.length <= LONGEST_LINE && !text.includes("\n")) return element("span", safe(text));
  const block = element("pre", safe(text, MOST_TEXT, LINES));
  if (text.length <= MOST_TEXT) return block;
  block.append("…");
  return withMore(block, `${count(text.length)} characters`, () => (block.textContent = safe(text, Infinity, LINES)));
}

function imageOf(text) {
  const src = RAW_IMAGE.test(text) ? `data:image/png;base64,${text}` : text;
  return IMAGE.test(src) && Object.assign(element("img"), { alt: "recorded image", src });
}

/** Of what may be messages, or one of them. */
export function conversationOf(value) {
  const messages = [value?.messages ?? value].flat();
  const isChat = messages.length && messages.every((one) => typeof one?.role === "string");
  return isChat ? some(messages, "div", messageOf) : valueOf(value);
}

function messageOf({ role, content, tool_calls: calls, ...others }) {
  const speaker = (text) => element("div.role", safe(text, LONGEST_NAME));
  const box = element("div.message", speaker(role));
  box.dataset.role = safe(role);
  for (const part of [content ?? []].flat()) {
    const known = [part?.text, part?.image_url?.url, part?.image_url].find((one) => typeof one === "string");
    box.append(valueOf(known ?? part, 1));
  }
  for (const call of [calls ?? []].flat()) {
    const { name, arguments: given } = call?.function ?? {};
    if (typeof name === "string") box.append(speaker(`calls ${name}`), valueOf(read(given), 1));
    else box.append(valueOf(call, 1));
  }
  box.append(...restOf(others, 1));
  return box;
}

function read(text) {
  try {
    return parsed(text);
  } catch {
    return text ?? null;
  }
}
