/* What the reader chose, as the fragment of the address, so that a link shows the same view and
   back goes back. A fragment works from file:// too. Pure, but for `Address`. */

const PAUSE = 150;
const STEP = 800;

/** Read a view from a fragment; what is not understood is left out. */
export function parse(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const numbers = (name) => (given.get(name) ?? "").split("_").map(Number);
  const zoom = numbers("z");
  const at = given.has("t") ? Number(given.get("t")) : NaN;
  return {
    selected: given.get("e"),
    closed: new Set(given.get("f")?.split(".").filter(Boolean)),
    opened: new Set(given.get("u")?.split(".").filter(Boolean)),
    errors: given.get("errors") === "1",
    query: given.get("q") ?? "",
    zoom: zoom.length === 2 && zoom[1] > zoom[0] ? zoom : null,
    at: Number.isFinite(at) ? at : null,
    pane: given.get("pane") !== "0",
  };
}

/** Write a view as a fragment. */
export function format(view) {
  const given = new URLSearchParams();
  if (view.selected) given.set("e", view.selected);
  if (view.errors) given.set("errors", "1");
  if (view.query) given.set("q", view.query);
  if (view.closed.size) given.set("f", [...view.closed].join("."));
  if (view.opened.size) given.set("u", [...view.opened].join("."));
  if (view.zoom) given.set("z", view.zoom.map((one) => +one.toFixed(6)).join("_"));
  if (view.at !== null) given.set("t", +view.at.toFixed(6));
  if (!view.pane) given.set("pane", "0");
  return `#${given}`;
}

/** Keeps the address and the view the same. Selection and filter are steps to go back by, unless
    one follows the other at once; the browser allows few changes, so they wait for each other. */
export class Address {
  #timer = 0;
  #isStep = false;
  #last = 0;

  constructor(onChange) {
    addEventListener("popstate", () => {
      clearTimeout(this.#timer);
      this.#timer = 0;
      onChange(parse(location.hash));
    });
  }

  write(view, isStep) {
    this.#isStep ||= isStep && performance.now() - this.#last > STEP;
    if (isStep) this.#last = performance.now();
    this.view = view;
    this.#timer ||= setTimeout(() => this.flush(), PAUSE);
  }

  flush() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const fragment = format(this.view);
    if (fragment !== location.hash) {
      history[this.#isStep ? "pushState" : "replaceState"](null, "", fragment);
    }
    this.#isStep = false;
  }
}
