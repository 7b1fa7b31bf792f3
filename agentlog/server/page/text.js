/* Values as a person reads them, in the words of agentlog/replay/format.py.

   The rule of this file: nothing that was recorded can hide in the page. `safe` and `safeLines` are
   the only ways from recorded text to a node of the document, and always as text. */

const BLANK =
  "\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2065\\u3164\\uffa0\\ufff0-\\ufff8\\u{e0000}-\\u{e0fff}";
const SEEN = `[^\\p{C}\\p{Z}\\x00-\\x7f${BLANK}]`;
const HIDDEN = new RegExp(
  `(?!(?<=${SEEN})[\\u200c\\u200d](?=${SEEN}))[\\p{C}\\p{Zl}\\p{Zp}${BLANK}]`,
  "gu",
);
const PLAIN = /^[\x20-\x7e]*$/;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** Return a text in which everything that cannot be seen is a visible escape, `\x1b`. */
export function safe(text) {
  return PLAIN.test(text) ? text : text.replace(HIDDEN, escaped);
}

/** As `safe`, but lines stay lines and tabs tabs, for a place that keeps them. */
export function safeLines(text) {
  return text.replace(HIDDEN, (sign) => (sign === "\n" || sign === "\t" ? sign : escaped(sign)));
}

function escaped(sign) {
  const code = sign.codePointAt(0);
  const digits = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return NAMED[sign] ?? "\\" + digits[0] + code.toString(16).padStart(digits[1], "0");
}

/** Write a duration: 12 µs, 3.4 ms, 1.20 s, 2m03s, 1h02m, 3d04h; a dash where it is not known. */
export function duration(seconds) {
  if (seconds === null || !(seconds >= 0)) return "–";
  if (seconds < 0.0009995) return `${fixed(seconds * 1e6, 0)} µs`;
  if (seconds < 0.00995) return `${fixed(seconds * 1e3, 1)} ms`;
  if (seconds < 0.9995) return `${fixed(seconds * 1e3, 0)} ms`;
  if (seconds < 9.995) return `${fixed(seconds, 2)} s`;
  if (seconds < 59.95) return `${fixed(seconds, 1)} s`;
  if (seconds < 3599.5) return pair(fixed(seconds, 0), 60, "m", "s");
  if (seconds < 86_370) return pair(fixed(seconds / 60, 0), 60, "h", "m");
  return pair(fixed(seconds / 3600, 0), 24, "d", "h");
}

function pair(value, per, major, minor) {
  return Math.floor(value / per) + major + String(value % per).padStart(2, "0") + minor;
}

/* As Python writes it: toFixed takes the larger neighbour of a value halfway between two, Python
   the even one. Only a dyadic fraction can lie halfway. */
function fixed(value, places) {
  const scaled = value * 10 ** places;
  const isHalfway = Number.isInteger(value * 2 ** (places + 1)) && scaled % 1 === 0.5;
  if (!isHalfway) return value.toFixed(places);
  const below = Math.floor(scaled);
  return ((below + (below % 2)) / 10 ** places).toFixed(places);
}

/** Write tokens in and out, `812→96`; nothing where neither is known. */
export function tokens(given, made) {
  return given === null && made === null ? "" : `${short(given ?? 0)}→${short(made ?? 0)}`;
}

function short(value) {
  if (value < 10_000) return count(value);
  if (value < 999_950) return `${fixed(value / 1e3, 1)}k`;
  if (value < 999_950_000) return `${fixed(value / 1e6, 1)}M`;
  return `${count(fixed(value / 1e9, 1))}G`;
}

/** Write a number with commas; toLocaleString would take a tenth of a second for the first. */
export function count(value) {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/** Write a count with its noun: no failures, 1 failure, 2 failures. */
export function plural(value, noun) {
  return `${value === 0 ? "no" : count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Write a moment, seconds since the epoch, in the time zone of who looks. */
export function clock(seconds, withFraction = false) {
  if (seconds === null) return "unknown";
  const date = new Date(seconds * 1000);
  const two = (value) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  const fraction = withFraction ? `.${String(date.getMilliseconds()).padStart(3, "0")}` : "";
  return `${day} ${time}${fraction}`;
}

/** Cut a text at so many characters, never within a pair of surrogates. */
export function clip(text, most) {
  if (text.length <= most) return text;
  const isTorn = text.charCodeAt(most - 1) >>> 10 === 0x36;
  return text.slice(0, isTorn ? most - 1 : most);
}
