/* Recorded values as elements: they become text and nothing else, or an image, in which nothing runs.
   What is long or deep is cut, with a way to all of it. */

import { button, element, on } from "./element.js";
import { LINES, count, parsed, plural, safe } from "./text.js";

const MOST_TEXT = 1200;
const LONGEST_LINE = 80;
const LONGEST_NAME = 200;
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
	on(details, "toggle", () => details.append(draw()), { once: true });
	return details;
}

export const restOf = (others, level = 0) => (Object.keys(others).length ? [valueOf(others, level)] : []);

/* At most so many, of them so many of the last. */
function some(all, kind, draw, most = 24, last = 0) {
	const drawn = (...ends) => all.slice(...ends).flatMap(draw);
	if (all.length <= most) return element(kind, ...drawn());
	const rest = element(kind === "div" ? kind : "dd", showing(`${count(all.length - most)} more`, () => {
		for (const one of drawn(most - last, all.length - last)) rest.before(one); // too many for a call
	}));
	return element(kind, ...drawn(0, most - last), rest, ...drawn(all.length - last));
}

const showing = (what, show) => button(`show ${what}`, (pressed) => (show(), pressed.remove()));

function textOf(text) {
	const image = imageOf(text);
	if (image) return image;
	if (!text) return element("span.scalar", '""');
	if (text.length <= LONGEST_LINE && !text.includes("\n")) return element("span", safe(text));
	const block = element("pre", safe(text, MOST_TEXT, LINES));
	if (text.length <= MOST_TEXT) return block;
	block.append("…");
	return element("div", block, showing(`all ${count(text.length)} characters`, () => (block.textContent = safe(text, Infinity, LINES))));
}

function imageOf(text) {
	const src = RAW_IMAGE.test(text) ? `data:image/png;base64,${text}` : text;
	return IMAGE.test(src) && Object.assign(element("img"), { alt: "recorded image", src });
}

/** Of what may be messages, or one of them. */
export function conversationOf(value) {
	const messages = [value?.messages ?? value].flat();
	const isChat = messages.length && messages.every((one) => typeof one?.role === "string");
	return isChat ? some(messages, "div", messageOf, 12, 10) : valueOf(value);
}

const speaker = (text) => element("div.role", safe(text, LONGEST_NAME));

function messageOf({ role, content, tool_calls: calls, ...others }) {
	const box = element("div.message", speaker(role));
	box.dataset.role = safe(role);
	for (const part of [content ?? [], calls ?? []].flat()) box.append(partOf(part));
	box.append(...restOf(others, 1));
	return box;
}

/* In the words of OpenAI and of Anthropic. */
function partOf(part) {
	const { type, text, thinking, image_url: image, function: called = part, content } = Object(part);
	const { name, arguments: given, input } = Object(called);
	const said = (word, ...values) => element("div", word && speaker(word), ...values.map((one) => valueOf(one, 1)));
	const known = [text, thinking, image?.url, image].find((one) => typeof one === "string");
	if (known !== undefined) return said(/^(reason|think)/.test(type) ? type : "", known);
	if (typeof name === "string") return said(`calls ${name}`, read(given ?? input));
	return type === "tool_result" ? said("returns", ...[content].flat().map((one) => one?.text ?? one)) : valueOf(part, 1);
}

function read(text) {
	try {
		return parsed(text);
	} catch {
		return text ?? null;
	}
}
