/* Where a session comes from: the collector, or the file that the page itself is.

   Both give `outline()`, `event(id)`, `find(words)`, which is the ids of events that carry them, and
   where they live `address` and `at`, for live.js. This file imports nothing, so that the outline is
   asked for while other modules are yet to come.

   A file has scripts of type application/octet-stream, each base64 of gzip of JSON:
   `agentlog-outline`, as the outline's route answers, with `data-size`; and `agentlog-events-0`,
   `-1`, ..., each a list of as many whole events, in the order of the rows. */

const MOST_FOUND = 1000;

class ServerSource {
  constructor() {
    this.id = location.pathname.split("/").filter(Boolean).at(-1);
    this.api = new URL("../v1/", location.href).href;
    this.address = `${this.api}live?session=${this.id}`;
    this.first = this.#load();
    this.first.catch(() => {}); // whoever asks for it is told
  }

  outline() {
    const asked = this.first ?? this.#load();
    this.first = null;
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

class FileSource {
  #chunk = [];

  constructor(script) {
    this.script = script;
    this.size = Number(script.dataset.size);
  }

  async outline() {
    const outline = await unpacked(this.script);
    this.places = new Map(outline.rows.map(([id], place) => [id, place]));
    return outline;
  }

  async event(id) {
    const place = this.places.get(id);
    return (await this.#events(Math.floor(place / this.size)))[place % this.size];
  }

  async find(words) {
    const wanted = words.toLowerCase().split(/\s+/);
    const found = [];
    for (let n = 0; n * this.size < this.places.size; n++) {
      for (const event of await this.#events(n)) {
        const text = JSON.stringify(event).toLowerCase();
        if (wanted.every((word) => text.includes(word))) found.push(event.id);
      }
    }
    return found;
  }

  /* Only what was asked for last is kept. */
  #events(n) {
    if (this.#chunk[0] !== n) this.#chunk = [n, unpacked(document.getElementById(`agentlog-events-${n}`))];
    return this.#chunk[1];
  }
}

async function unpacked(script) {
  const bytes = Uint8Array.from(atob(script.textContent.trim()), (sign) => sign.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}

const script = document.getElementById("agentlog-outline");

/** The source of this page. */
export const source = script ? new FileSource(script) : new ServerSource();
