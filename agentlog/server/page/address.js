/* The view as the fragment of the address: it works from file:// too. */

const PAUSE = 250; // ms; what follows sooner is the same step

let timer, isNew;

/** Read a view; what is not understood is left out. */
export function read() {
	const given = new URLSearchParams(location.hash.slice(1));
	const [start, end] = (given.get("z") ?? "").split("_").map(Number);
	return {
		selected: given.get("e"),
		turned: new Set(given.get("f")?.split(".").filter(Boolean)),
		errors: given.has("errors"),
		query: given.get("q") ?? "",
		zoom: end > start ? [start, end] : null,
		at: parseFloat(given.get("t")) || null,
		pane: !given.has("closed"),
	};
}

/** Write a view; a step is one to go back by. */
export function write({ selected, turned, errors, query, zoom, at, pane }, isStep) {
	const parts = {
		e: selected,
		errors: errors && 1,
		q: query,
		f: [...turned].join("."),
		z: zoom?.join("_"),
		t: at,
		closed: !pane && 1,
	};
	const fragment = `#${new URLSearchParams(Object.entries(parts).filter(([, text]) => text))}`;
	isNew ||= isStep;
	clearTimeout(timer);
	timer = setTimeout(() => {
		if (fragment !== location.hash) history[isNew ? "pushState" : "replaceState"](null, "", fragment);
		isNew = false;
	}, PAUSE);
}
