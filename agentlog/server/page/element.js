/* Elements of the document, made and found. A child that is a string is text, whatever stands in it. */

/** Make an element: `tag.class`. */
export function element(kind, ...children) {
  const [tag, ...names] = kind.split(".");
  const made = document.createElement(tag);
  if (names.length) made.className = names.join(" ");
  made.append(...children);
  return made;
}

/** Make a button; `press` is called with it. */
export function button(label, press) {
  const made = element("button", label);
  made.type = "button";
  made.addEventListener("click", () => press(made));
  return made;
}

/** Find an element by its id. */
export function at(id) {
  return document.getElementById(id);
}
