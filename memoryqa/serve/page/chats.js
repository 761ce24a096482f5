// The chats and their people: which are asked, and a way into each.

import { $, count, counted, h, name, span } from "./dom.js";
import { chosenChats, changed, state } from "./state.js";
import { people as peopleOf, chats as allChats } from "./memory.js";
import { openAt } from "./reader.js";
import { giveHues } from "./message.js";

const MOST = 200; // chats and people that are listed
const FEW = 12; // chats that need no search for one

export async function readChats() {
  state.chats = (await allChats()).chats.filter((one) => one.messages > 0).sort((a, b) => inOrder(a.chat, b.chat));
  if (state.chosen) state.chosen = new Set([...state.chosen].filter((one) => state.chats.some((chat) => chat.chat === one)));
  if (!state.chosen?.size) state.chosen = null;
  giveHues(state.chats);
  $("empty").hidden = state.chats.length > 0;
  $("asking").hidden = state.chats.length === 0;
  document.body.classList.toggle("is-empty", state.chats.length === 0);
  drawChats();
  await readPeople();
}

const inOrder = new Intl.Collator("en", { numeric: true }).compare; // "club 2" before "club 10"
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
/** The chats whose names have what is looked for. */
const foundChats = () => state.chats.filter((one) => folded(one.chat).includes(folded($("find-chat").value.trim())));

function drawChats() {
  const found = foundChats();
  const focused = document.activeElement?.closest("#chats li")?.dataset.chat; // of the list, which is drawn anew
  $("find-chat").hidden = state.chats.length <= FEW;
  $("found-chats").hidden = !found.length || found.length === state.chats.length;
  $("all-chats").hidden = state.chats.length < 2 || state.chosen === null;
  $("chats-more").hidden = found.length > 0 && found.length <= MOST;
  $("chats-more").textContent = found.length ? `and ${count(found.length - MOST)} more` : "No chat is called so.";
  $("chats").replaceChildren(...found.slice(0, MOST).map((one) => {
    const isChosen = state.chosen === null || state.chosen.has(one.chat);
    const box = h("input", { type: "checkbox", "aria-label": `Ask ${one.chat}`, onchange: () => choose(one.chat, box.checked) });
    box.checked = isChosen;
    const open = h("button", { type: "button", class: "chat-open", title: "Read this conversation", "data-chat": one.chat, onclick: () => openAt(one.chat, null) },
      h("span", { class: "chat-name" }, name(one.chat)),
      h("span", { class: "note" }, `${counted(one.messages, "message")}`),
      h("span", { class: "note" }, span(one.first, one.last)));
    return h("li", { class: isChosen ? "" : "off", "data-chat": one.chat }, state.chats.length > 1 ? box : null, open);
  }));
  if (focused !== undefined) [...$("chats").children].find((one) => one.dataset.chat === focused)?.querySelector("input")?.focus();
  drawScope();
}

function choose(chat, isWanted) {
  const chosen = new Set(chosenChats());
  if (isWanted) chosen.add(chat); else chosen.delete(chat);
  state.chosen = chosen.size === 0 || chosen.size === state.chats.length ? null : chosen;
  chatsChosen();
}

function chatsChosen() {
  drawChats();
  readPeople();
  changed("scope");
}

async function readPeople() {
  const chats = chosenChats();
  const found = chats.length ? (await peopleOf(state.chosen === null ? null : chats)).people : [];
  state.people = new Set([...state.people].filter((one) => found.some((person) => person.name === one)));
  $("people-part").hidden = found.length === 0;
  const most = found[0]?.messages ?? 1;
  $("people").replaceChildren(...found.slice(0, MOST).map((person) => {
    const box = h("input", { type: "checkbox", onchange: () => onlyPerson(person.name, box.checked) });
    box.checked = state.people.has(person.name);
    const bar = h("span", { class: "share", "aria-hidden": "true" });
    bar.style.setProperty("--share", `${Math.max(2, (100 * person.messages) / most)}%`);
    return h("li", {}, h("label", { title: span(person.first, person.last) }, box, h("span", { class: "person" }, name(person.name)), h("span", { class: "note" }, count(person.messages)), bar));
  }));
  drawScope();
}

function onlyPerson(person, isWanted) {
  if (isWanted) state.people.add(person); else state.people.delete(person);
  drawScope();
  changed("scope");
}

/** What will be asked, in words. */
function drawScope() {
  $("all-people").hidden = state.people.size === 0;
  const chats = chosenChats();
  const scope = state.chats.length === 1 || state.chosen !== null
    ? (chats.length === 1 ? [name(chats[0])] : [counted(chats.length, "chat")])
    : [`All ${count(chats.length)} chats`];
  if (state.people.size) scope.push(" · ", ...[...state.people].flatMap((one, place) => [place ? ", " : "only ", name(one)]));
  $("scope").replaceChildren(...scope);
}

$("find-chat").addEventListener("input", drawChats);
$("found-chats").addEventListener("click", () => { state.chosen = new Set(foundChats().map((one) => one.chat)); chatsChosen(); });
$("all-chats").addEventListener("click", () => { state.chosen = null; chatsChosen(); $("chats").querySelector("input")?.focus(); });
$("all-people").addEventListener("click", () => { state.people.clear(); readPeople(); changed("scope"); });
