/* Where a session comes from; in an exported file, file.js stands here. Imports nothing, so that the
   outline is asked for while other modules are yet to come. */

const MOST_FOUND = 1000;

class Collector {
  id = location.pathname.split("/").filter(Boolean).at(-1);
  api = new URL("../v1/", location.href).href;
  #asked = this.#load();

  constructor() {
    this.#asked.catch(() => {}); // whoever wants it is told
  }

  outline() {
    const asked = this.#asked ?? this.#load();
    this.#asked = null;
    return asked;
  }

  async #load() {
    const outline = await this.#ask(`sessions/${this.id}/outline`);
    this.at = outline.at;
    return outline;
  }

  event(id, signal) {
    return this.#ask(`events/${this.id}/${encodeURIComponent(id)}`, signal);
  }

  async find(words, signal) {
    const query = new URLSearchParams({ q: words, session: this.id, limit: MOST_FOUND });
    const { results } = await this.#ask(`search?${query}`, signal);
    return results.map((event) => event.id);
  }

  async #ask(path, signal) {
    const answer = await fetch(this.api + path, { signal });
    if (answer.ok) return answer.json();
    const { detail } = await answer.json().catch(() => ({}));
    throw new Error(detail ?? `the collector answered ${answer.status}`);
  }
}

export const source = new Collector();
