/* What changes, as the collector tells it. A page that nobody sees does not listen, as a browser has six
   connections to a host; seen again, it goes on where it was. */

import { on } from "./element.js";

const AGAIN = 2000; // ms

/** Tell a page what comes from an address, from a place on, if that is known. */
export function onLive(address, after, page) {
	let stream, timer;

	function open() {
		if (document.hidden) return;
		const url = new URL(address);
		if (after) url.searchParams.set("after", after);
		close();
		stream = new EventSource(url);
		on(stream, "open", () => page.state(true));
		for (const kind of ["rows", "sessions"]) {
			on(stream, kind, ({ data, lastEventId }) => {
				after = lastEventId;
				page[kind](JSON.parse(data));
			});
		}
		on(stream, "reload", ({ lastEventId }) => {
			close();
			page.reload().then((place = lastEventId) => (after = place, open()), () => (timer = setTimeout(open, AGAIN)));
		});
		on(stream, "error", () => {
			page.state(false);
			if (stream.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN); // else it does so itself
		});
	}

	function close() {
		clearTimeout(timer);
		stream?.close();
	}

	on(document, "visibilitychange", () => {
		close();
		open();
		if (!document.hidden && !after) page.reload(); // what came meanwhile nobody knows
	});
	open();
}
