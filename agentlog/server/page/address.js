/* What the reader chose, as the fragment of the address: a link shows the same view, back goes
   back, and from file:// too. */

const PAUSE = 150; // ms, as browsers allow few changes
const STEP = 800; // ms; what follows sooner is the same step

/** Read a view from a fragment; what is not understood is left out. */
export function parse(fragment) {
  const given = new URLSearchParams(fragment.slice(1));
  const ids = (name) => new Set(given.get(name)?.split(".").filter(Boolean));
  const [start, end] = (given.get("z") ?? "").split("_").map(Number);
  const at = parseFloat(given.get("t"));
  return {
    selected: given.get("e"),
    closed: ids("f"),
    opened: ids("u"),
    errors: given.has("errors"),
    query: given.get("q") ?? "",
    zoom: end > start ? [start, end] : null,
    at: Number.isFinite(at) ? at : null,
    pane: !given.has("closed"),
  };
}

function format({ selected, closed, opened, errors, query, zoom, at, pane }) {
  const parts = {
    e: selected,
    errors: errors && "1",
    q: query,
    f: [...closed].join("."),
    u: [...opened].join("."),
    z: zoom?.map((one) => +one.toFixed(6)).join("_"),
    t: at?.toFixed(6),
    closed: !pane && "1",
  };
  return `#${new URLSearchParams(Object.entries(parts).filter(([, text]) => text))}`;
}

/** Keeps the address as the view is. */
export class Address {
  #timer = 0;
  #isStep = false;
  #last = -STEP;

  /** `onChange(view)` is told when the reader goes back or forth, or follows a link. */
  constructor(onChange) {
    addEventListener("popstate", () => {
      clearTimeout(this.#timer);
      this.#timer = 0;
      onChange(parse(location.hash));
    });
  }

  /** A step is one to go back by. */
  write(view, isStep) {
    const now = performance.now();
    this.#isStep ||= isStep && now - this.#last > STEP;
    if (isStep) this.#last = now;
    this.view = view;
    this.#timer ||= setTimeout(() => this.#flush(), PAUSE);
  }

  #flush() {
    const fragment = format(this.view);
    if (fragment !== location.hash) history[this.#isStep ? "pushState" : "replaceState"](null, "", fragment);
    this.#timer = 0;
    this.#isStep = false;
  }
}
