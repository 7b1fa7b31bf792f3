/* The keys of a session. What they do stands in session.html, once, as `?` tells it. */

const TYPED = "input:not([type=range]), textarea, select";
const PRESSED = "button, a, summary";

/** Call `commands[name]` for a key, unless what has the focus wants it. */
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
    if (target.matches("#pane, #pane *, [type=range]") && /^(Arrow|Page|Home|End)/.test(key)) return;
    event.preventDefault();
    command();
  });
}

/** Show the dialog that tells the keys. */
export function tell(dialog) {
  const template = dialog.querySelector("template");
  if (!dialog.querySelector("dl")) dialog.append(template.content.cloneNode(true));
  dialog.showModal();
}
