/* Where a session comes from; in an exported file, file.js stands here. */

import { parsed } from "./text.js";

const id = location.pathname.split("/").filter(Boolean).at(-1);
const api = new URL("../v1/", location.href).href;

async function ask(path, parse = JSON.parse) {
	const answer = await fetch(api + path);
	if (answer.ok) return parse(await answer.text());
	const { detail } = await answer.json().catch(() => ({}));
	throw new Error(detail ?? `the collector answered ${answer.status}`);
}

export const source = {
	id, api,
	outline: () => ask(`sessions/${id}/outline`),
	event: (event) => ask(`events/${id}/${encodeURIComponent(event)}`, parsed),
	async find(words) {
		const query = new URLSearchParams({ q: words, session: id, limit: 1000 });
		const { results } = await ask(`search?${query}`);
		return results.map((event) => event.id);
	},
};
