/* Values as a person reads them, in the words of agentlog/replay/format.py. Nothing that was recorded
   can hide in the page: `safe` and `safeLines` are the only ways from it to the document, as text. */

const BLANK =
  "\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2065\\u3164\\uffa0\\ufff0-\\ufff8\\u{e0000}-\\u{e0fff}";
const SEEN = `[^\\p{C}\\p{Z}\\x00-\\x7f${BLANK}]`;
const HIDDEN = new RegExp(`(?!(?<=${SEEN})[\\u200c\\u200d](?=${SEEN}))[\\p{C}\\p{Zl}\\p{Zp}${BLANK}]`, "gu");
const PLAIN = /^[\x20-\x7e]*$/;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const LAST_MOMENT = 8e12; // s, of a Date
const DURATIONS = [ // below so many seconds: times, places, unit
  [0.0009995, 1e6, 0, " µs"], [0.00995, 1e3, 1, " ms"], [0.9995, 1e3, 0, " ms"], [9.995, 1, 2, " s"], [59.95, 1, 1, " s"],
];

/** The signs of the states, as in agentlog/replay/glyphs.py. */
export const GLYPHS = {
  running: "▸", interrupted: "!", failed: "✗", cancelled: "⊘", abandoned: "◌", exited: "○",
  succeeded: "✓", indeterminate: "·", unknown: "?", silent: "▹",
};

/** Return a text, cut where it is long, in which what cannot be seen is a visible escape, `\x1b`. */
export function safe(text, most = Infinity) {
  const clipped = clip(text, most);
  return PLAIN.test(clipped) ? clipped : clipped.replace(HIDDEN, escaped);
}

/** As `safe`, but lines stay lines and tabs tabs, for a place that keeps them. */
export function safeLines(text, most = Infinity) {
  return clip(text, most).replace(HIDDEN, (sign) => (sign === "\n" || sign === "\t" ? sign : escaped(sign)));
}

/* Never within a pair of surrogates. */
function clip(text, most) {
  if (text.length <= most) return text;
  const isTorn = text.charCodeAt(most - 1) >>> 10 === 0x36;
  return text.slice(0, isTorn ? most - 1 : most);
}

function escaped(sign) {
  const code = sign.codePointAt(0);
  const [letter, digits] = code < 0x100 ? ["x", 2] : code < 0x10000 ? ["u", 4] : ["U", 8];
  return NAMED[sign] ?? `\\${letter}${code.toString(16).padStart(digits, "0")}`;
}

/** Write a duration: 12 µs, 3.4 ms, 1.20 s, 2m03s, 1h02m, 3d04h; a dash where it is not known. */
export function duration(seconds) {
  if (seconds === null || !(seconds >= 0)) return "–";
  for (const [below, times, places, unit] of DURATIONS) {
    if (seconds < below) return fixed(seconds * times, places) + unit;
  }
  if (seconds < 3599.5) return pair(seconds, 60, "m", "s");
  return seconds < 86_370 ? pair(seconds / 60, 60, "h", "m") : pair(seconds / 3600, 24, "d", "h");
}

function pair(value, per, major, minor) {
  const whole = fixed(value, 0);
  return Math.floor(whole / per) + major + String(whole % per).padStart(2, "0") + minor;
}

/* As Python rounds: of what lies halfway between two, which only a dyadic fraction can, to the even. */
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
  return value < 999_950_000 ? `${fixed(value / 1e6, 1)}M` : `${count(fixed(value / 1e9, 1))}G`;
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
  if (seconds === null || !(Math.abs(seconds) < LAST_MOMENT)) return "unknown";
  const minutes = new Date(seconds * 1000).getTimezoneOffset();
  const local = new Date(seconds * 1000 - minutes * 60_000).toISOString();
  return local.replace("T", " ").slice(0, withFraction ? -1 : -5);
}
