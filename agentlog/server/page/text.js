/* Values as a person reads them, in the words of agentlog/replay/format.py. Nothing that was recorded
   can hide: `safe` is the only way from it to the page. */

const BLANK =
	"\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2065\\u3164\\uffa0\\ufff0-\\ufff8\\u{e0000}-\\u{e0fff}";
const SEEN = `[^\\p{C}\\p{Z}\\x00-\\x7f${BLANK}]`;
const HIDDEN = new RegExp(`(?!(?<=${SEEN})[\\u200c\\u200d](?=${SEEN}))[\\p{C}\\p{Zl}\\p{Zp}${BLANK}]`, "gu");
const PLAIN = /^[\x20-\x7e]*$/;
const TORN = /[\ud800-\udbff]$/;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const DURATIONS = [ // below so many seconds: times, places, unit
	[0.0009995, 1e6, 0, " µs"], [0.00995, 1e3, 1, " ms"], [0.9995, 1e3, 0, " ms"], [9.995, 1, 2, " s"], [59.95, 1, 1, " s"],
];

export const LINES = "\n\t"; // for `safe` to keep

/** The signs of the states, as in agentlog/replay/glyphs.py. */
export const GLYPHS = {
	running: "▸", interrupted: "!", failed: "✗", cancelled: "⊘", abandoned: "◌", exited: "○",
	succeeded: "✓", indeterminate: "·", unknown: "?", silent: "◦",
};

/** So much of a text, with visible escapes for what cannot be seen, but `kept`. */
export function safe(text, most = Infinity, kept = "") {
	const cut = text.length > most ? text.slice(0, most).replace(TORN, "") : text;
	return PLAIN.test(cut) ? cut : cut.replace(HIDDEN, (sign) => (kept.includes(sign) ? sign : escaped(sign)));
}

function escaped(sign) {
	const code = sign.codePointAt(0);
	const [letter, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
	return NAMED[sign] ?? `\\${letter}${code.toString(16).padStart(digits, "0")}`;
}

/** JSON, in which a number that may not be exact stays as it is written. */
export function parsed(json) {
	const isExact = (value) => typeof value !== "number" || Math.abs(value) < 2 ** 53;
	return JSON.parse(json, (_, value, context) => (isExact(value) ? value : context?.source ?? value));
}

export function duration(seconds) {
	if (seconds === null || !(seconds >= 0)) return "–";
	const scale = DURATIONS.find(([below]) => seconds < below);
	if (scale) return fixed(seconds * scale[1], scale[2]) + scale[3];
	if (seconds < 3599.5) return pair(seconds, 60, "m", "s");
	return seconds < 86_370 ? pair(seconds / 60, 60, "h", "m") : pair(seconds / 3600, 24, "d", "h");
}

function pair(value, per, major, minor) {
	const whole = fixed(value, 0);
	return Math.floor(whole / per) + major + String(whole % per).padStart(2, "0") + minor;
}

/* As Python rounds: to the even one where it lies halfway. */
function fixed(value, places) {
	const scaled = value * 10 ** places;
	const isHalfway = scaled % 1 === 0.5 && Number.isInteger(value * 2 ** (places + 1));
	return isHalfway ? ((2 * Math.round(scaled / 2)) / 10 ** places).toFixed(places) : value.toFixed(places);
}

export const tokens = ([given, made]) => ((given ?? made) === null ? "" : `${short(given ?? 0)}→${short(made ?? 0)}`);

/** Dollars; with a `+`, at least. */
export function cost([, , dollars, unpriced]) {
	if (dollars === null) return unpriced ? "unknown" : "";
	const digits = dollars < 0.01 ? dollars.toPrecision(2) : fixed(dollars, dollars < 1 ? 4 : 2);
	const text = dollars >= 1e-6 ? `$${count(digits)}` : dollars ? "<$0.000001" : "$0";
	return text + (unpriced ? "+" : "");
}

function short(value) {
	if (value < 10_000) return count(value);
	if (value < 999_950) return `${fixed(value / 1e3, 1)}k`;
	return value < 999_950_000 ? `${fixed(value / 1e6, 1)}M` : `${count(fixed(value / 1e9, 1))}G`;
}

/* toLocaleString takes long the first time. */
export const count = (value) => String(value).replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ",");

export const plural = (value, noun) => `${value === 0 ? "no" : count(value)} ${noun}${value === 1 ? "" : "s"}`;

export function clock(seconds, withFraction = false) {
	if (seconds === null || !(Math.abs(seconds) < 8e12)) return "unknown"; // what a Date can be
	const offset = new Date(seconds * 1000).getTimezoneOffset() * 60;
	const local = new Date((seconds - offset) * 1000).toISOString();
	return local.replace("T", " ").slice(0, withFraction ? -1 : -5);
}
