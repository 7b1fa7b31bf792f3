/* Where a session comes from: the collector, or the file that the page itself is.

   Both give `outline()`, `event(id)`, `find(words)`, ids of events with these words in what they
   carry, and `live(on)`, which calls `on.rows(rows)` for what is new or has changed, `on.reload()`
   where all has to be asked for again, `on.state(isConnected)`.

   A file has `<script type="application/octet-stream">` elements, each with base64 of gzip of JSON:
   `agentlog-outline` as the outline's route answers, with a `data-size`, and `agentlog-events-0`,
   `-1`, ... each with as many whole events in an array, in the order of the rows. */

import { FIELDS } from "./tree.js";

const MOST_FOUND = 1000;
const PAUSE = 1000;

class ServerSource {
  isFile = false;
  #at = "";

  constructor() {
    this.id = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1) ?? "");
    this.api = new URL("../v1/", location.href).href;
    this.first = this.#load();
    this.first.catch(() => {});
  }

  outline() {
    const first = this.first ?? this.#load();
    this.first = null;
    return first;
  }

  async #load() {
    const outline = await this.#ask(`sessions/${encodeURIComponent(this.id)}/outline`);
    this.#at = outline.at;
    return arranged(outline);
  }

  event(id, signal) {
    return this.#ask(`events/${encodeURIComponent(this.id)}/${encodeURIComponent(id)}`, signal);
  }

  async find(words, signal) {
    const query = new URLSearchParams({ q: words, session: this.id, limit: MOST_FOUND });
    const { results } = await this.#ask(`search?${query}`, signal);
    return results.filter((event) => event.session_id === this.id).map((event) => event.id);
  }

  /* The browser connects again by itself, but not after an answer that is none. */
  live(on) {
    const query = new URLSearchParams({ session: this.id, after: this.#at });
    const stream = new EventSource(`${this.api}live?${query}`);
    stream.addEventListener("open", () => on.state(true));
    stream.addEventListener("rows", (message) => {
      this.#at = message.lastEventId || this.#at;
      on.rows(JSON.parse(message.data).rows);
    });
    stream.addEventListener("reload", () => {
      stream.close();
      on.reload();
    });
    stream.addEventListener("error", () => {
      on.state(false);
      if (stream.readyState === EventSource.CLOSED) setTimeout(() => this.live(on), PAUSE);
    });
  }

  async #ask(path, signal) {
    const answer = await fetch(this.api + path, { signal });
    if (answer.ok) return answer.json();
    throw new Error((await answer.json().catch(() => null))?.detail ?? `the collector answers ${answer.status}`);
  }
}

class FileSource {
  isFile = true;
  #chunks = new Map();
  #places = new Map();

  constructor(script) {
    this.script = script;
    this.size = Number(script.dataset.size);
  }

  async outline() {
    const outline = await unpacked(this.script);
    this.id = outline.session_id;
    outline.rows.forEach((row, i) => this.#places.set(row[0], i));
    return arranged(outline);
  }

  async event(id) {
    const place = this.#places.get(id);
    const events = await this.#chunk(Math.floor(place / this.size));
    return events[place % this.size];
  }

  async find(words) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const found = [];
    for (let n = 0; this.#script(n); n++) {
      for (const event of await this.#chunk(n)) {
        const text = JSON.stringify(event).toLowerCase();
        if (wanted.every((word) => text.includes(word))) found.push(event.id);
      }
    }
    return found;
  }

  live() {}

  #script(n) {
    return document.getElementById(`agentlog-events-${n}`);
  }

  /* Only the chunk that was asked for last is kept. */
  async #chunk(n) {
    if (!this.#chunks.has(n)) {
      this.#chunks.clear();
      this.#chunks.set(n, unpacked(this.#script(n)));
    }
    return this.#chunks.get(n);
  }
}

async function unpacked(script) {
  const bytes = Uint8Array.from(atob(script.textContent.trim()), (sign) => sign.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

/* The fields of the rows in the order of `FIELDS`. */
function arranged(outline) {
  if (outline.fields.join() !== FIELDS.join()) {
    const places = FIELDS.map((field) => outline.fields.indexOf(field));
    outline.rows = outline.rows.map((row) => places.map((at) => row[at] ?? null));
  }
  return outline;
}

const script = document.getElementById("agentlog-outline");

/** The source of this page. It is asked for its outline while the other modules are yet to come. */
export const source = script ? new FileSource(script) : new ServerSource();
