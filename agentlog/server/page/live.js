/* What changes, as the collector tells it. A page that nobody sees does not listen, as a browser has six
   connections to a host; seen again, it goes on where it was. */

const AGAIN = 2000; // ms

/** Listen at an address, from a place on, if that is known. */
export function onLive(address, after, on) {
  let stream = null;
  let timer = 0;

  function open() {
    if (document.hidden) return;
    const url = new URL(address);
    if (after) url.searchParams.set("after", after);
    close();
    stream = new EventSource(url);
    stream.addEventListener("open", () => on.state(true));
    for (const kind of ["rows", "sessions"]) {
      stream.addEventListener(kind, ({ data, lastEventId }) => {
        after = lastEventId;
        on[kind](JSON.parse(data));
      });
    }
    stream.addEventListener("reload", ({ lastEventId }) => {
      close();
      on.reload().then((place = lastEventId) => (after = place, open()), () => (timer = setTimeout(open, AGAIN)));
    });
    stream.addEventListener("error", () => {
      on.state(false);
      if (stream.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN); // else it does so itself
    });
  }

  function close() {
    clearTimeout(timer);
    stream?.close();
  }

  document.addEventListener("visibilitychange", () => {
    close();
    open();
    if (!document.hidden && !after) on.reload(); // what came meanwhile nobody knows
  });
  open();
}
