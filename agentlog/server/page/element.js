/* Elements, made and found. A child that is a string is text, whatever stands in it. */

/** Make an element: `tag.class`. */
export function element(kind, ...children) {
	const [tag, ...names] = kind.split(".");
	const made = document.createElement(tag);
	made.className = names.join(" ");
	made.append(...children);
	return made;
}

export const on = (target, ...how) => target.addEventListener(...how);

export const button = (label, press) => Object.assign(element("button", label), { type: "button", onclick: ({ target }) => press(target) });

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export const at = (id) => document.getElementById(id);
