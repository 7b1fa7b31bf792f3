/* The keys of a page. What they do stands in its HTML, once, as `?` tells it. */

const KEPT = [
	["input:not([type=range], [type=checkbox]), select", /^(?!Escape)/],
	["button, a, summary", /^(Enter| )$/],
	["#pane, #pane *, [type=range]", /^(Arrow|Home|End|Page)/],
];

/** Call the command of a key, unless what has the focus wants it. */
export function onKeys(dialog, commands) {
	document.addEventListener("keydown", (event) => {
		const { key, target } = event;
		const named = dialog.querySelector(`[data-keys~="${key === " " ? "Space" : CSS.escape(key)}"]`);
		const command = commands[named?.dataset.command];
		if (!command || event.ctrlKey !== event.altKey || event.metaKey || event.isComposing || dialog.open) return;
		if (KEPT.some(([where, keys]) => target.matches(where) && keys.test(key))) return;
		event.preventDefault();
		command();
	});
}
