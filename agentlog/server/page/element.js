/* Elements, made and found. A child that is a string is text, whatever stands in it. */

/** Make an element: `tag.class`. */
export function element(kind, ...children) {
  const [tag, ...names] = kind.split(".");
  const made = document.createElement(tag);
  if (names.length) made.className = names.join(" ");
  made.append(...children);
  return made;
}

export function button(label, press) {
  const made = element("button", label);
  made.type = "button";
  made.addEventListener("click", () => press(made));
  return made;
}

/** Return what gives, after a pause, a signal that its next call aborts. */
export function patience(pause) {
  let last = null;
  return async () => {
    last?.abort();
    const { signal } = (last = new AbortController());
    await new Promise((done) => setTimeout(done, pause));
    return signal;
  };
}

export function at(id) {
  return document.getElementById(id);
}
