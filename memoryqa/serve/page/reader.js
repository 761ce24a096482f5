// The conversation: pages of messages are fetched as one scrolls, and those far away are taken out again, so that a chat
// of any length stays light.

import { $, announce, count, day, isNarrow } from "./dom.js";
import { changed, citation, order, state, watch } from "./state.js";
import { messages as pageOf } from "./memory.js";
import { messageItem } from "./message.js";
import { trouble } from "./banner.js";
import { go, place } from "./place.js";

const PAGE = 80; // messages fetched at once
const MOST = 400; // messages that are drawn
const NEAR = 800; // pixels from an end at which more is fetched

let open = null; // { chat, first, last, total }: the drawn messages are those at places first..last-1
let line = null; // id of the line that was opened
let busy = null; // the fetch under way
let generation = 0;
let back = null; // what had the focus before the reader opened

const list = $("messages");
const scroller = $("scroller");

/** Open a chat at a line, at a place of its order ({ place }), or where it ends (null). */
export async function openAt(chat, target, { history = true, focus = true } = {}) {
  const mine = ++generation;
  if ($("reader").hidden) back = document.activeElement;
  let found;
  try {
    found = await pageOf(chat, typeof target === "string" ? { around: target, limit: PAGE } : { start: target === null ? -PAGE : Math.max(0, target.place - 10), limit: PAGE });
  } catch (error) {
    if (mine !== generation) return;
    trouble(`${error.message}`);
    if (error.status >= 400) close({ history: false });
    return;
  }
  if (mine !== generation) return;
  line = typeof target === "string" ? target : null;
  open = { chat, first: found.start, last: found.start + found.messages.length, total: found.total };
  $("reader-title").textContent = chat;
  show();
  list.replaceChildren(...items(found.messages, null));
  if (history) go({ chat, line });
  marks();
  const aim = line !== null ? itemOf(line) : target === null ? list.lastElementChild : at(target.place);
  if (aim) {
    reveal(aim, target === null ? 1 : 0.4);
    tabStop(aim);
    if (focus) aim.focus({ preventScroll: true });
    if (line !== null) announce(`${chat}, ${aim.dataset.day ? day(aim.dataset.day) : "date unknown"}`);
  }
  told();
  changed("opened", chat);
  more();
}

export function close({ history = true } = {}) {
  if ($("reader").hidden) return false;
  generation += 1;
  open = line = null;
  $("reader").hidden = true;
  document.body.classList.remove("is-reading");
  $("main").inert = $("rail").inert = false;
  list.replaceChildren();
  if (history) go({ chat: null, line: null });
  if (back?.isConnected) back.focus(); else $("main").focus();
  changed("opened", null);
  return true;
}

function show() {
  $("reader").hidden = false;
  document.body.classList.add("is-reading");
  layOut();
}
function layOut() { // beside the answer where there is room, in front of all else where not
  const covers = isNarrow() && !$("reader").hidden;
  $("main").inert = $("rail").inert = covers;
}
matchMedia("(max-width: 1099px)").addEventListener("change", layOut);

/** Scroll so that the middle of `item` is at `share` of the height; the page itself stays where it is. */
function reveal(item, share) {
  const box = item.getBoundingClientRect();
  scroller.scrollTop += (box.top + box.bottom) / 2 - scroller.getBoundingClientRect().top - scroller.clientHeight * share;
}

/** Scroll as little as brings `item` into view. */
function intoView(item) {
  const box = item.getBoundingClientRect();
  const frame = scroller.getBoundingClientRect();
  if (box.top < frame.top) scroller.scrollTop += box.top - frame.top - 8;
  else if (box.bottom > frame.bottom) scroller.scrollTop += Math.min(box.bottom - frame.bottom + 8, box.top - frame.top);
}

const itemOf = (id) => [...list.children].find((one) => one.dataset.id === id);
const at = (number) => [...list.children].find((one) => Number(one.dataset.place) === number);

function items(messages, before) {
  return messages.map((message, number) => {
    const item = messageItem(open.chat, message, number ? messages[number - 1] : before);
    item.addEventListener("focus", () => tabStop(item));
    return item;
  });
}

/** Fetch what is missing at either end, one page at a time. */
async function more() {
  if (busy || !open) return;
  const up = scroller.scrollTop < NEAR && open.first > 0;
  const down = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR && open.last < open.total;
  if (!up && !down) return;
  const mine = generation;
  const start = up ? Math.max(0, open.first - PAGE) : open.last;
  busy = pageOf(open.chat, { start, limit: up ? open.first - start : PAGE });
  let found = null;
  try { found = await busy; } catch (error) { trouble(error.message); }
  busy = null;
  if (mine !== generation) { more(); return; }
  if (!found || !found.messages.length) return;
  open.total = found.total;
  if (up) addAbove(found.messages); else addBelow(found.messages);
  told();
  setTimeout(more);
}

/** The first message in view: what is read must not move. */
function anchorItem() {
  const top = scroller.getBoundingClientRect().top;
  return [...list.children].find((one) => one.querySelector(".message").getBoundingClientRect().bottom > top) ?? list.lastElementChild;
}
const topOf = (item) => item.querySelector(".message").getBoundingClientRect().top;

function addAbove(messages) {
  const anchor = anchorItem();
  const before = topOf(anchor);
  list.prepend(...items(messages, null));
  open.first -= messages.length;
  marks();
  scroller.scrollTop += topOf(anchor) - before;
  while (list.childElementCount > MOST) { list.lastElementChild.remove(); open.last -= 1; }
}

function addBelow(messages) {
  list.append(...items(messages, null));
  open.last += messages.length;
  const extra = list.childElementCount - MOST;
  if (extra <= 0) { marks(); return; }
  const anchor = anchorItem();
  const before = topOf(anchor);
  for (let number = 0; number < extra; number += 1) list.firstElementChild.remove();
  open.first += extra;
  marks();
  scroller.scrollTop += topOf(anchor) - before;
}

/** Highlight the evidence and what was opened; write a day above the first message of each. */
function marks() {
  const found = new Set((state.found?.lines ?? []).filter((one) => one.chat === open?.chat).map((one) => one.id));
  let said = null;
  for (const item of list.children) {
    const number = citation(open.chat, item.dataset.id);
    item.classList.toggle("is-evidence", found.has(item.dataset.id) || number > 0);
    item.classList.toggle("is-cited", number > 0);
    item.classList.toggle("is-line", item.dataset.id === line);
    if (item.dataset.id === line) item.setAttribute("aria-current", "true"); else item.removeAttribute("aria-current");
    item.querySelector(".number").textContent = number ? String(number) : "";
    const heading = item.querySelector(".day");
    heading.hidden = item.dataset.day === said && Number(item.dataset.place) !== open.first;
    said = item.dataset.day;
  }
}

/** The day that is in view, and how far into the chat it is. */
function told() {
  if (!open) return;
  const top = scroller.getBoundingClientRect().top + 60;
  const item = [...list.children].find((one) => one.getBoundingClientRect().bottom > top) ?? list.lastElementChild;
  if (!item) return;
  const number = Number(item.dataset.place) + 1;
  $("reader-day").textContent = `${item.dataset.day ? day(item.dataset.day, isNarrow() ? { short: true } : { weekday: true }) : "date unknown"} · ${count(number)} of ${count(open.total)}`;
}

function tabStop(item) {
  for (const one of list.querySelectorAll('li[tabindex="0"]')) one.tabIndex = -1;
  item.tabIndex = 0;
}

function move(item, step) {
  const next = step < 0 ? item.previousElementSibling : item.nextElementSibling;
  if (next) { next.focus({ preventScroll: true }); intoView(next); }
}

/** The next or the previous line of evidence of this chat, in the order in which it was said. */
function toEvidence(step) {
  const here = order((document.activeElement?.closest("#messages > li") ?? itemOf(line) ?? list.firstElementChild).dataset.id);
  const ids = (state.found?.lines ?? []).filter((one) => one.chat === open.chat).map((one) => one.id)
    .filter((id) => (order(id) - here) * step > 0).sort((a, b) => (order(a) - order(b)) * step);
  const near = ids.length && itemOf(ids[0]);
  if (near) { near.focus({ preventScroll: true }); reveal(near, 0.4); } else if (ids.length) openAt(open.chat, ids[0]);
  else announce(step > 0 ? "No evidence after this line" : "No evidence before this line");
}

list.addEventListener("keydown", (event) => {
  if (event.target.closest("button") || event.ctrlKey || event.metaKey || event.altKey) return;
  const item = event.target.closest("li");
  if (event.key === "ArrowDown") move(item, 1);
  else if (event.key === "ArrowUp") move(item, -1);
  else if (event.key === "Home") openAt(open.chat, { place: 0 });
  else if (event.key === "End") openAt(open.chat, null);
  else if (event.key === "n") toEvidence(1);
  else if (event.key === "p") toEvidence(-1);
  else if (event.key === "c") item.querySelector(".do-correct").click();
  else if (event.key === "Delete") item.querySelector(".do-forget").click();
  else return;
  event.preventDefault();
});
let drawing = 0;
scroller.addEventListener("scroll", () => {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(() => { told(); more(); });
}, { passive: true });
$("close-reader").addEventListener("click", () => close());
$("to-start").addEventListener("click", () => open && openAt(open.chat, { place: 0 }));
$("to-end").addEventListener("click", () => open && openAt(open.chat, null));

/** After a change: draw the same place of the chat again. */
export async function redraw() {
  if (!open) return;
  const { chat, first, total } = open;
  const top = scroller.scrollTop;
  const gone = state.chats.every((one) => one.chat !== chat);
  if (gone) { close(); return; }
  const drawn = list.childElementCount;
  const mine = ++generation;
  const found = await pageOf(chat, { start: first, limit: Math.min(drawn, MOST) });
  if (mine !== generation) return;
  if (!found.messages.length) { openAt(chat, null, { history: false }); return; }
  open = { chat, first: found.start, last: found.start + found.messages.length, total: found.total };
  list.replaceChildren(...items(found.messages, null));
  if (line !== null && !itemOf(line)) { line = null; go({ line: null }, { replace: true }); } // forgotten
  marks();
  scroller.scrollTop = top;
  const aim = (line !== null && itemOf(line)) || list.children[Math.min(list.childElementCount - 1, Math.floor(drawn / 2))];
  if (aim) tabStop(aim);
  if (aim && document.activeElement === document.body) aim.focus({ preventScroll: true });
  told();
  if (total !== found.total) announce(`${count(found.total)} messages remain`);
}

/** The address changed (Back, reload): show what it says. */
export async function follow({ focus = true } = {}) {
  const { chat, line: wanted } = place();
  if (!chat) { close({ history: false }); return; }
  if (open?.chat === chat && line === wanted) return;
  await openAt(chat, wanted, { history: false, focus });
}
watch("evidence", () => { if (open) marks(); });
