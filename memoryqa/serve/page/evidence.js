// The lines that were found, in time order, and what enters and leaves them as the token budget moves.

import { $, calm, clock, count, counted, day, h, later, name, said } from "./dom.js";
import { changed, citation, keyOf, order, state } from "./state.js";
import { openAt } from "./reader.js";
import { search } from "./memory.js";
import { trouble } from "./banner.js";
import { hueOf } from "./message.js";

const BUDGETS = [100, 150, 200, 300, 400, 500, 700, 1000, 1500, 2000, 3000, 4000, 5000, 7000, 10000, 15000, 20000];
const START = 1000;

let before = new Map(); // key -> line: what was shown where the slider last rested
let asked = 0;

$("budget").max = String(BUDGETS.length - 1);
$("budget").value = String(BUDGETS.indexOf(START));
export const budget = () => BUDGETS[Number($("budget").value)];

function writeBudget() {
  const written = `${count(budget())} tokens`;
  $("budget-value").textContent = written;
  $("budget").setAttribute("aria-valuetext", written);
}
writeBudget();

const mapped = (lines) => new Map(lines.map((one) => [keyOf(one.chat, one.id), one]));

/** Show the lines of a new question. */
export function showFound(found) {
  state.found = found;
  before = mapped(found?.lines ?? []);
  $("budget-change").textContent = "";
  draw();
}

function draw() {
  const { found } = state;
  $("evidence").hidden = !found;
  if (!found) { changed("evidence"); return; }
  const now = mapped(found.lines);
  const shown = [...found.lines, ...[...before].filter(([key]) => !now.has(key)).map(([, one]) => one)];
  shown.sort((a, b) => (a.time ?? "").localeCompare(b.time ?? "") || a.chat.localeCompare(b.chat) || order(a.id) - order(b.id));
  const several = new Set(shown.map((one) => one.chat)).size > 1;
  $("lines").replaceChildren(...shown.map((one) => {
    const key = keyOf(one.chat, one.id);
    return lineItem(one, several, !now.has(key) ? "leaves" : !before.has(key) ? "enters" : "");
  }));
  $("evidence-count").textContent = found.lines.length ? `${counted(found.lines.length, "line")} in ${count(found.tokens)} tokens` : "";
  $("nothing").hidden = found.lines.length > 0;
  $("nothing").textContent = state.since || state.until || state.people.size
    ? "Nothing was found there. Ask everyone, or take the dates away." : "Nothing was found. It may never have come up; try other words, or a larger budget.";
  changed("evidence");
}

/** A line that opens its conversation; `several`: the lines around it are of several chats. */
export function lineItem(one, several, change = "") {
  const number = citation(one.chat, one.id);
  const place = [several ? [name(one.chat), ", "] : [], one.time ? `${day(one.time, { short: true })}${clock(one.time) ? `, ${clock(one.time)}` : ""}` : "date unknown"];
  return h("li", { class: change },
    h("button", { type: "button", class: "line", "data-chat": one.chat, "data-id": one.id, onclick: () => openAt(one.chat, one.id) },
      h("span", { class: "line-head" },
        number ? h("span", { class: "number" }, String(number)) : null,
        h("span", { class: `speaker-name hue-${hueOf(one.speaker)}` }, name(one.speaker)),
        h("span", { class: "note" }, place.flat()),
        change ? h("span", { class: "mark" }, h("span", { "aria-hidden": "true" }, change === "enters" ? "+ " : "− "), change, h("span", { class: "sr" }, " at this budget")) : null),
      said("span", { class: "line-text" }, one.text)));
}

/** What a search takes from the page. */
export const how = () => ({
  chats: state.chosen === null ? null : [...state.chosen],
  people: state.people.size ? [...state.people] : null,
  since: state.since || null,
  until: state.until || null,
  budget_tokens: budget(),
});

const moved = later(90, async () => {
  if (!state.question) return;
  const mine = ++asked;
  let found;
  try { found = await search(state.question, how()); } catch (error) { trouble(error.message); return; }
  if (mine !== asked || !state.found) return;
  state.found = found;
  const now = mapped(found.lines);
  const enters = found.lines.filter((one) => !before.has(keyOf(one.chat, one.id))).length;
  const leaves = [...before.keys()].filter((key) => !now.has(key)).length;
  $("budget-change").textContent = enters || leaves
    ? [enters ? `${counted(enters, "line")} entered` : "", leaves ? `${counted(leaves, "line")} left` : ""].filter(Boolean).join(", ") : "No line changed";
  draw();
});
$("budget").addEventListener("input", () => { writeBudget(); moved(); });
// What is compared with is what was shown when the slider is taken up, not each stop on its way.
const takeUp = () => { if (state.found) before = mapped(state.found.lines); };
$("budget").addEventListener("pointerdown", takeUp);
$("budget").addEventListener("keydown", takeUp);

$("lines").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  const buttons = [...$("lines").querySelectorAll(".line")];
  const next = buttons[buttons.indexOf(event.target.closest(".line")) + step];
  if (!next) return;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest", behavior: calm() ? "auto" : "smooth" });
  event.preventDefault();
});
