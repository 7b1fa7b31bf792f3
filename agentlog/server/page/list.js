/* A long list of links, one below the other.

   The rule of this file: only rows that can be seen are in the document, and the one that has the
   focus. A row stays the same element as long as it is there. */

const BEYOND = 8;

export class List {
	#items = [];
	#rows = new Map();
	#ends = [];

	/** `make()` returns a row with a link in it, `fill(row, item)` puts an item into it, `onCurrent()`
			is called when another row is the current one, `onView()` when there may be others in view. */
	constructor(box, make, fill, onCurrent, onView) {
		Object.assign(this, { box, make, fill, onView, current: null });
		this.space = box.appendChild(document.createElement("div"));
		this.space.className = "space";
		this.space.setAttribute("role", "rowgroup");
		box.addEventListener("scroll", () => this.paint(), { passive: true });
		new ResizeObserver(() => this.paint()).observe(box);
		this.space.addEventListener("focusin", ({ target }) => {
			this.current = target.closest("[role=row]").item.id;
			onCurrent();
		});
	}

	get items() { return this.#items; }
	get inView() { return [...this.#rows.values()].map((row) => row.item); }
	get index() { return this.#items.findIndex((item) => item.id === this.current); }

	/** Resolves when the last row is near. */
	nearEnd() {
		return new Promise((resolve) => {
			this.#ends.push(resolve);
			this.paint();
		});
	}

	/** Show items. Who has scrolled goes on seeing what he saw. */
	show(items) {
		const first = this.#items[Math.floor(this.box.scrollTop / this.height)];
		const moved = this.box.scrollTop > 0 && first ? items.findIndex(({ id }) => id === first.id) : -1;
		if (moved >= 0) this.box.scrollTop += (moved - this.#items.indexOf(first)) * this.height;
		this.#items = items;
		this.box.ariaRowCount = String(items.length + 1);
		this.paint(true);
	}

	/** Move to a row, by its place. */
	go(index) {
		const place = Math.max(0, Math.min(index, this.#items.length - 1));
		if (!this.#items.length) return;
		const [top, room] = [place * this.height, this.box.clientHeight - this.space.offsetTop];
		const least = top + this.height - room;
		this.box.scrollTop = Math.min(top, Math.max(this.box.scrollTop, least));
		this.current = this.#items[place].id;
		this.paint();
		this.#rows.get(this.current).querySelector("a").focus({ preventScroll: true });
	}

	paint(isNew = false) {
		this.height = parseFloat(getComputedStyle(this.box).getPropertyValue("--row"));
		this.space.style.height = `${this.#items.length * this.height}px`;
		const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - BEYOND);
		const last = first + Math.ceil(this.box.clientHeight / this.height) + 2 * BEYOND;
		const seen = new Map(this.#items.slice(first, last).map((item, at) => [item, first + at]));
		const focused = this.#items[this.#rows.has(this.current) ? this.index : -1];
		if (focused && !seen.has(focused)) seen.set(focused, this.index);
		const ids = new Set([...seen.keys()].map((item) => item.id));
		const free = [...this.#rows].filter(([id]) => !ids.has(id));
		for (const [id] of free) this.#rows.delete(id);
		for (const [item, at] of seen) this.#put(item, at, free, isNew);
		for (const [, row] of free) row.remove();
		this.onView();
		if (last >= this.#items.length) for (const end of this.#ends.splice(0)) end();
	}

	#put(item, at, free, isNew) {
		let row = this.#rows.get(item.id);
		const isOther = !row;
		row ??= free.pop()?.[1] ?? this.space.appendChild(this.make());
		this.#rows.set(item.id, row);
		if (isOther || isNew || row.item !== item) this.fill(row, item);
		row.item = item;
		row.ariaRowIndex = String(at + 2);
		row.style.transform = `translateY(${at * this.height}px)`;
	}
}
