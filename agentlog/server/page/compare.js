/* Two sessions side by side, as agentlog/replay/diff.py has them.

   The rule of this file: it draws the answer and decides nothing; recorded text goes through
   `safe`; a diff is in the document while it is shown. */

import { at, element } from "./element.js";
import { onKeys } from "./keys.js";
import { GLYPHS, LINES, clock, count, duration, plural, safe } from "./text.js";

const AT_ONCE = 500;
const FEW = 12;
const LONGEST = 400;
const DEEPEST = 16;
const SIGNS = { "+": "added", "-": "gone" };
const MARKS = { added: "+", gone: "-" };

const short = (text) => safe(text ?? "", LONGEST);
const dim = (text) => element("span.dim", text);
const cell = (kind, role = "gridcell") => Object.assign(element(kind), { role });
const say = (text) => (at("counts").textContent = text);
const grid = at("rows");
const uri = encodeURIComponent;
const link = (text, session, event = "") =>
  Object.assign(element("a", text), { href: `../../sessions/${uri(session)}${event && "#e=" + uri(event)}` });
let told;
let selected = null;

function drawSession(one, mark) {
  const line = element("p");
  const figures = [clock(one.timestamp), duration(one.duration), plural(one.events, "event"), plural(one.failures, "failure")];
  line.append(
    element(`span.mark.${SIGNS[mark]}`, mark),
    link(`${short(one.name)} ${short(one.session_id.slice(0, 10))}`, one.session_id),
    element(`span.${one.state}`, `${GLYPHS[one.state]} ${one.state}`),
    ...[...figures, ...one.tags.map((tag) => `#${short(tag)}`)].map(dim),
  );
  return line;
}

function drawRow(row, index) {
  const made = cell("div", "row");
  Object.assign(made, { id: `row${index}`, told: row, ariaLevel: String(row.depth + 1), ariaSelected: "false" });
  made.style.setProperty("--level", Math.min(row.depth, DEEPEST));
  const line = cell("div.line");
  line.append(...(row.changes ? said(row) : [element("span.mark", MARKS[row.change] ?? ""), dim(`… ${count(row.hidden)} ${row.word}`)]));
  made.append(line);
  if (row.changes?.length) made.ariaExpanded = "false";
  return made;
}

function said({ changes, before, after, depth, name, kind }) {
  const one = after ?? before;
  const [first] = changes;
  const words = changes.map((word) => {
    const times = word === "slower" ? ` ${duration(before.duration)} → ${duration(after.duration)}` : "";
    return element(`span.word.${word}`, word + times);
  });
  const notes = [kind !== "action" && kind, one.model, first === "failed now" && one.error];
  return [
    element(`span.mark.${first}`, first ? MARKS[first] ?? "~" : ""),
    element(`span.${one.state}`, GLYPHS[one.state]),
    element("span.name", (depth > DEEPEST ? `⋯${depth} ` : "") + short(name)),
    ...words,
    ...notes.filter(Boolean).map((note) => dim(short(note))),
  ];
}

function drawFields({ before, after, fields }) {
  const box = cell("div.fields");
  if (before) box.append(link("as it was", told.before.session_id, before.id));
  if (after) box.append(link("as it is", told.after.session_id, after.id));
  for (const { field, lines, more } of fields) {
    const text = element("pre");
    for (const [sign, line] of lines) {
      const shown = sign === "@" ? `… ${line} alike\n` : `${sign} ${safe(line, Infinity, LINES)}\n`;
      text.append(element(`span.${SIGNS[sign] ?? "dim"}`, shown));
    }
    if (more) text.append(dim(`… ${count(more)} more`));
    box.append(element("div.dim", field.replace("_", " ")), text);
  }
  return box;
}

function toggle(row, isOpen = row?.ariaExpanded === "false") {
  if (row?.ariaExpanded !== String(!isOpen)) return;
  row.ariaExpanded = String(isOpen);
  if (isOpen) row.append(drawFields(row.told));
  else row.lastElementChild.remove();
}

function select(row) {
  if (!row) return;
  if (selected) selected.ariaSelected = "false";
  selected = row;
  row.ariaSelected = "true";
  grid.setAttribute("aria-activedescendant", row.id);
  row.scrollIntoView({ block: "nearest" });
}

/* To the nearest row that has something to show, around the end. */
function step(way) {
  const rows = [...grid.children];
  const from = rows.indexOf(selected);
  select(rows.map((_, n) => rows.at((from + way * (n + 1)) % rows.length)).find((row) => row.ariaExpanded));
}

function drawSome() {
  const from = grid.children.length;
  grid.append(...told.rows.slice(from, from + AT_ONCE).map((row, n) => drawRow(row, from + n)));
  const rest = told.rows.length - grid.children.length;
  at("more").hidden = !rest;
  at("more").textContent = `show ${count(rest)} more`;
}

function draw(answer) {
  told = answer;
  document.title = `${short(told.after.name)} · compare · agentlog`;
  at("sessions").append(drawSession(told.before, "-"), drawSession(told.after, "+"));
  say(Object.entries(told.counts).map(([word, n]) => `${count(n)} ${word}`).join(" · ") || "no difference");
  drawSome();
  const changed = [...grid.children].filter((row) => row.ariaExpanded);
  if (changed.length <= FEW) changed.forEach((row) => toggle(row, true));
  const failed = changed.filter((row) => row.told.changes.includes("failed now"));
  select(failed.sort((a, b) => b.told.depth - a.told.depth)[0] ?? changed[0] ?? grid.firstChild);
}

grid.addEventListener("click", ({ target }) => {
  const row = target.closest("[role=row]");
  if (!row || target.closest("a")) return;
  select(row);
  if (target.closest(".line")) toggle(row);
});
at("more").addEventListener("click", drawSome);
at("help").addEventListener("click", () => at("keys").showModal());
onKeys(at("keys"), {
  down: () => select(selected?.nextSibling),
  up: () => select(selected?.previousSibling),
  first: () => select(grid.firstChild),
  last: () => select(grid.lastChild),
  next: () => step(1),
  before: () => step(-1),
  open: () => toggle(selected, true),
  close: () => toggle(selected, false),
  toggle: () => toggle(selected),
  help: () => at("keys").showModal(),
});

try {
  const answer = await fetch(`../../v1/compare/${location.pathname.split("/").slice(-2).join("/")}`);
  if (answer.ok) draw(await answer.json());
  else say((await answer.json()).detail);
} catch {
  say("the collector does not answer");
}
