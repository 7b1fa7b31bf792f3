/* The keys of a page. What they do stands in its HTML, once, as `?` tells it. */

const TYPED = "input:not([type=range]), select";
const PRESSED = "button, a, summary";
const SCROLLED = "#pane, #pane *, [type=range]";

/** Call the command of a key, unless what has the focus wants it. */
export function listen(dialog, commands) {
  const names = new Map();
  for (const { dataset } of dialog.querySelector("template").content.querySelectorAll("dt")) {
    for (const key of dataset.keys.split(" ")) names.set(key === "Space" ? " " : key, dataset.command);
  }
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const command = commands[names.get(key)];
    if (!command || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (target.matches(TYPED) && key !== "Escape") return;
    if (target.matches(PRESSED) && (key === "Enter" || key === " ")) return;
    if (target.matches(SCROLLED) && /^(Arrow|Page|Home|End)/.test(key)) return;
    event.preventDefault();
    command();
  });
}

export function tell(dialog) {
  if (!dialog.querySelector("dl")) dialog.append(dialog.querySelector("template").content.cloneNode(true));
  dialog.showModal();
}
