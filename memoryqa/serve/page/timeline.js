// Messages per day, week or month as bars; those with evidence are marked. A bar opens the conversation there.

import { $, count, counted, day, h, joined, month } from "./dom.js";
import { chosenChats, state, watch } from "./state.js";
import { days as daysOf } from "./memory.js";
import { openAt } from "./reader.js";

const MOST = { day: 130, week: 130, month: 130 }; // bars that are wide enough to be hit; fewer on a phone
const DAY = 86400000;

let byDay = []; // { day, messages, chat, place } of the chosen chats: place of the day's first message in its chat
let shown = null; // the unit that was chosen by hand
let generation = 0;
const kept = new Map(); // chat -> its days, until it changes

export async function readTimeline() {
  const mine = ++generation;
  const chats = chosenChats().slice(0, 50);
  const all = await Promise.all(chats.map(async (chat) => {
    if (!kept.has(chat)) kept.set(chat, (await daysOf(chat)).days);
    return kept.get(chat).map((one) => ({ ...one, chat }));
  }));
  if (mine !== generation) return;
  byDay = all.flat().sort((a, b) => a.day.localeCompare(b.day));
  draw();
}
export const daysChanged = () => kept.clear();

const number = (iso) => Math.floor(Date.parse(`${iso}T00:00Z`) / DAY);
const iso = (days) => new Date(days * DAY).toISOString().slice(0, 10);
const starts = {
  day: (on) => on,
  week: (on) => iso(number(on) - ((number(on) + 3) % 7)), // Monday
  month: (on) => `${on.slice(0, 7)}-01`,
};
const next = {
  day: (start) => iso(number(start) + 1),
  week: (start) => iso(number(start) + 7),
  month: (start) => { const [year, at] = start.split("-").map(Number); return at === 12 ? `${year + 1}-01-01` : `${year}-${String(at + 1).padStart(2, "0")}-01`; },
};
const title = { day: (start) => day(start, { weekday: true }), week: (start) => `Week of ${day(start)}`, month };

function steps(unit) {
  const length = number(byDay.at(-1).day) - number(byDay[0].day) + 1;
  return Math.ceil(length / { day: 1, week: 7, month: 30 }[unit]);
}
const mostBars = (unit) => Math.min(MOST[unit], Math.max(40, Math.floor(($("bars").clientWidth || 600) / 5)));

/** `keep`: the bar that Tab leads to, as where only the width is another. */
function draw(keep = false) {
  $("timeline").hidden = byDay.length < 2;
  if (byDay.length < 2) return;
  const fits = ["day", "week", "month"].filter((unit) => unit === "month" || steps(unit) <= mostBars(unit));
  const unit = fits.includes(shown) ? shown : fits[0];
  for (const input of $("unit").querySelectorAll("input")) {
    input.checked = input.value === unit;
    input.disabled = !fits.includes(input.value) || (input.value !== unit && steps(input.value) < 3 && input.value !== "day");
  }
  const bars = new Map();
  const last = starts[unit](byDay.at(-1).day);
  for (let start = starts[unit](byDay[0].day); start <= last; start = next[unit](start)) bars.set(start, { start, messages: 0, first: null, found: 0, cited: 0, lines: [] });
  for (const one of byDay) {
    const bar = bars.get(starts[unit](one.day));
    bar.messages += one.messages;
    bar.first ??= one;
  }
  for (const one of state.found?.lines ?? []) {
    const bar = one.time && bars.get(starts[unit](one.time.slice(0, 10)));
    if (!bar) continue;
    bar.lines.push(one);
    bar.found += 1;
    bar.cited += state.cited.some((cited) => cited.id === one.id && cited.chat === one.chat) ? 1 : 0;
  }
  const most = Math.max(...[...bars.values()].map((bar) => bar.messages));
  const stop = $("bars").querySelector('.bar[tabindex="0"]')?.dataset.start;
  const hasFocus = $("bars").contains(document.activeElement);
  $("bars").replaceChildren(...[...bars.values()].map((bar) => barOf(bar, most, title[unit])));
  const kept = $("bars").querySelector(`.bar[data-start="${stop}"]`);
  const first = ((hasFocus || keep) && kept) || $("bars").querySelector(".has-evidence") || $("bars").firstElementChild;
  first.tabIndex = 0;
  if (hasFocus) first.focus({ preventScroll: true });
  $("axis-first").textContent = unit === "month" ? month(byDay[0].day) : day(byDay[0].day, { short: true });
  $("axis-last").textContent = unit === "month" ? month(byDay.at(-1).day) : day(byDay.at(-1).day, { short: true });
  const total = byDay.reduce((sum, one) => sum + one.messages, 0);
  $("timeline-note").textContent = `${counted(total, "message")} on ${counted(new Set(byDay.map((one) => one.day)).size, "day")}`;
}

function barOf(bar, most, called) {
  const words = [called(bar.start), counted(bar.messages, "message")];
  if (bar.found) words.push(`${counted(bar.found, "line")} of evidence${bar.cited ? `, ${count(bar.cited)} cited` : ""}`);
  const fill = h("span", { class: "fill" });
  fill.style.setProperty("--height", `${bar.messages ? Math.max(3, (100 * bar.messages) / most) : 0}%`);
  return h("button", { type: "button", tabindex: "-1", "data-start": bar.start, title: words.join("\n"), "aria-label": joined(words, "with"),
    class: `bar${bar.found ? " has-evidence" : ""}${bar.cited ? " is-cited" : ""}`, disabled: bar.messages === 0, onclick: () => enter(bar) }, fill);
}

function enter(bar) {
  const [best] = bar.lines; // best first, and a cited one before others
  const line = bar.lines.find((one) => state.cited.some((cited) => cited.id === one.id && cited.chat === one.chat)) ?? best;
  if (line) openAt(line.chat, line.id);
  else openAt(bar.first.chat, { place: bar.first.place });
}

$("bars").addEventListener("keydown", (event) => {
  const all = [...$("bars").querySelectorAll(".bar:not(:disabled)")];
  const here = all.indexOf(event.target);
  const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined || !all[to]) return;
  event.target.tabIndex = -1;
  all[to].tabIndex = 0;
  all[to].focus();
  event.preventDefault();
});
$("unit").addEventListener("change", (event) => { shown = event.target.value; draw(); });
watch("evidence", () => draw());
let width = 0;
new ResizeObserver(() => { if (Math.abs($("bars").clientWidth - width) > 24) { width = $("bars").clientWidth; draw(true); } }).observe($("bars"));
