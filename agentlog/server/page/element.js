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

export function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

export function at(id) {
  return document.getElementById(id);
}
