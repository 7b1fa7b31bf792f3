/* Where a session comes from in an exported file, in which this stands for source.js: the file itself.
   Both give `outline()`, `event(id)` and `find(words)`, which is the ids of events that carry them.

   It has scripts of type application/octet-stream, each base64 of gzip of JSON: `agentlog-outline`, as
   the outline's route answers, with `data-size`; and `agentlog-events-0`, `-1`, ..., each a list of
   as many whole events, in the order of the rows. */

import { parsed } from "./text.js";

class Exported {
	#script = document.getElementById("agentlog-outline");
	#size = Number(this.#script.dataset.size);
	#chunk = [];

	async outline() {
		const outline = JSON.parse(await unpacked(this.#script));
		this.places = new Map(outline.rows.map(([id], place) => [id, place]));
		return outline;
	}

	async event(id) {
		const place = this.places.get(id);
		return (await this.#events(Math.floor(place / this.#size)))[place % this.#size];
	}

	async find(words) {
		const wanted = words.toLowerCase().split(/\s+/);
		const found = [];
		for (let n = 0; n * this.#size < this.places.size; n++) {
			for (const { id, session_id, parent_id, ...event } of await this.#events(n)) {
				const text = JSON.stringify(Object.values(event), withoutImages).toLowerCase();
				if (wanted.every((word) => text.includes(word))) found.push(id);
			}
		}
		return found;
	}

	/* Only what was asked for last is kept. */
	#events(n) {
		if (this.#chunk[0] !== n) this.#chunk = [n, unpacked(document.getElementById(`agentlog-events-${n}`)).then(parsed)];
		return this.#chunk[1];
	}
}

const withoutImages = (_, value) => (String(value).startsWith("data:image/") ? "" : value);

async function unpacked(script) {
	const bytes = Uint8Array.from(atob(script.textContent.trim()), (sign) => sign.charCodeAt(0));
	return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

/** The source of this page. */
export const source = new Exported();
