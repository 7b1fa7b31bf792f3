/* The keys of a session: one table, which is what they do and what `?` says of them. */

import { element } from "./table.js";

export const KEYS = [
  ["j ArrowDown", "j ↓", "next row", "down"],
  ["k ArrowUp", "k ↑", "row before", "up"],
  ["h ArrowLeft", "h ←", "fold, or to the parent", "fold"],
  ["l ArrowRight", "l →", "unfold, or to the first below", "unfold"],
  ["PageDown", "Page ↓", "a page down", "pageDown"],
  ["PageUp", "Page ↑", "a page up", "pageUp"],
  ["g Home", "g Home", "first row", "first"],
  ["G End", "G End", "last row", "last"],
  ["n", "n", "next failure", "nextFailure"],
  ["N", "N", "failure before", "failureBefore"],
  ["e", "e", "errors only", "errors"],
  ["/", "/", "search; Enter for the next", "search"],
  ["u", "u", "fold all, unfold all", "foldAll"],
  ["Enter", "Enter", "open or close the details", "pane"],
  ["z", "z", "zoom to the event, or out", "zoom"],
  ["+ =", "+", "zoom in", "zoomIn"],
  ["-", "−", "zoom out", "zoomOut"],
  ["[", "[", "earlier", "earlier"],
  ["]", "]", "later", "later"],
  [" ", "Space", "play the run, or pause", "play"],
  [",", ",", "to the start or end before", "stepBack"],
  [".", ".", "to the next start or end", "step"],
  ["<", "<", "play slower", "slower"],
  [">", ">", "play faster", "faster"],
  ["f", "f", "follow the end", "follow"],
  ["y", "y", "copy the link to this view", "copy"],
  ["?", "?", "these keys", "help"],
  ["Escape", "Esc", "close, clear, the whole run", "escape"],
];

const COMMANDS = new Map(KEYS.flatMap(([keys, , , command]) =>
  (keys === " " ? [" "] : keys.split(" ")).map((key) => [key, command])));
const TYPED = "input, textarea, select, [contenteditable]";
const PRESSED = "button, a, summary, input";

/** Call `commands[name]` for a key, unless something else wants the key. */
export function listen(commands) {
  document.addEventListener("keydown", (event) => {
    const command = COMMANDS.get(event.key);
    const { target } = event;
    if (!command || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target.matches(TYPED) && event.key !== "Escape") return;
    if (target.matches(PRESSED) && (event.key === "Enter" || event.key === " ")) return;
    if (document.querySelector("dialog[open]")) return;
    const isReading = target.closest("#pane") && /^(Arrow|Page|Home|End)/.test(event.key);
    if (isReading) return;
    event.preventDefault();
    commands[command]();
  });
}

/** Fill the dialog that tells the keys. */
export function tell(dialog) {
  const list = element("dl");
  for (const [, label, what] of KEYS) list.append(element("dt", "", null, label), element("dd", "", null, what));
  dialog.querySelector(".keys").replaceChildren(list);
}
