// Elements, and how counts, days and times are written. What comes from a chat only ever becomes text.

export const $ = (id) => document.getElementById(id);

/** An element; `attributes` that begin with "on" are listeners, null and false ones are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** What somebody wrote or is called: in its own direction, apart from the words around it. */
export const said = (tag, attributes, text) => h(tag, { dir: "auto", ...attributes }, String(text ?? ""));
/** "rtl" where a text begins so, as `dir="auto"` has it, for what stands around the text. */
export const direction = (text) => (/^[^\p{L}]*[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u.test(text) ? "rtl" : null);
export const name = (text) => said("bdi", {}, text);

const numbers = new Intl.NumberFormat("en");
export const count = (number) => numbers.format(number);
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
export const joined = (parts, last = "and") =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} ${last} ${parts.at(-1)}`;

const MONTHS = "January February March April May June July August September October November December".split(" ");
const WEEKDAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");

/** "2023-07-15T10:02" or "2023-07-15" -> "15 July 2023": the clock as it stood, whatever zone this browser is in. */
export function day(iso, { short = false, weekday = false } = {}) {
  if (!iso) return "date unknown";
  const [year, month, date] = iso.slice(0, 10).split("-").map(Number);
  const written = `${date} ${short ? MONTHS[month - 1].slice(0, 3) : MONTHS[month - 1]} ${year}`;
  return weekday ? `${WEEKDAYS[new Date(Date.UTC(year, month - 1, date)).getUTCDay()]}, ${written}` : written;
}
export const month = (iso) => `${MONTHS[Number(iso.slice(5, 7)) - 1]} ${iso.slice(0, 4)}`;
export const clock = (iso) => (iso && iso.length > 10 ? iso.slice(11, 16) : "");
/** "3 to 5 Apr 2024", "3 Apr to 2 May 2024": what both days share is written once. */
export function span(first, last) {
  if (!first) return "without dates";
  const [begin, end] = [first, last].map((one) => day(one, { short: true }).split(" "));
  while (begin.length && begin.at(-1) === end[begin.length - 1]) begin.pop();
  return begin.length ? `${begin.join(" ")} to ${end.join(" ")}` : end.join(" ");
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
export const isNarrow = () => matchMedia("(max-width: 1099px)").matches;

/** Announce to a screen reader. */
export function announce(text) {
  $("live").textContent = "";
  requestAnimationFrame(() => { $("live").textContent = text; });
}

export function later(milliseconds, call) {
  let timer = 0;
  return (...given) => { clearTimeout(timer); timer = setTimeout(() => call(...given), milliseconds); };
}
