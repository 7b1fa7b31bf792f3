/* The keys of a page. What they do stands in its HTML, once, as `?` tells it. */

const KEPT = [
  ["input:not([type=range], [type=checkbox]), select", /^(?!Escape)/],
  ["button, a, summary", /^(Enter| )$/],
  ["#pane, #pane *, [type=range]", /^(Arrow|Home|End|Page)/],
];

/** Call the command of a key, unless what has the focus wants it. */
export function onKeys(dialog, commands) {
  const names = new Map();
  for (const { dataset } of dialog.querySelectorAll("dt")) {
    for (const key of dataset.keys.split(" ")) names.set(key === "Space" ? " " : key, dataset.command);
  }
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const command = commands[names.get(key)];
    if (!command || event.ctrlKey !== event.altKey || event.metaKey || event.isComposing || dialog.open) return;
    if (KEPT.some(([where, keys]) => target.matches(where) && keys.test(key))) return;
    event.preventDefault();
    command();
  });
}
