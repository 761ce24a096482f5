// The question: its answer with numbered citations, and the lines it was found in.

import { $, announce, count, counted, h, name } from "./dom.js";
import { changed, keyOf, state, watch } from "./state.js";
import { ask, search } from "./memory.js";
import { how, lineItem, showFound } from "./evidence.js";
import { openAt } from "./reader.js";
import { noTrouble, trouble } from "./banner.js";
import { Trouble } from "./api.js";
import { go } from "./place.js";

let stop = null; // of the question under way
const question = $("question");
const mode = () => document.querySelector("input[name=mode]:checked").value;

export function setMode(value) {
  const input = document.querySelector(`input[name=mode][value="${value}"]`);
  if (input) input.checked = true;
}

/** Ask what is in the box. `history`: whether the address changes. `kept`: rather the answer that a model gave before;
 * "only" that, so that no load of the page costs a call of a model. */
export async function askNow({ history = true, kept = null } = {}) {
  const text = question.value.trim();
  if (!text) { question.focus(); return; }
  stop?.abort();
  const mine = new AbortController();
  stop = mine;
  noTrouble();
  state.question = text;
  state.cited = [];
  if (history) go({ q: text, mode: mode() === "search" ? "search" : null });
  document.title = `${text} · memoryqa`;
  $("submit").setAttribute("aria-busy", "true");
  clearAnswer();
  try {
    if (mode() === "search") {
      const found = await search(text, how(), { signal: mine.signal });
      showFound(found);
      announce(found.lines.length ? `${counted(found.lines.length, "line")} found` : "Nothing was found");
    } else if (!kept || !(await answeredBefore(text, kept, mine.signal))) await answered(text, mine.signal);
  } catch (error) {
    if (error.name === "AbortError") return;
    if ($("who").textContent === "") clearAnswer(); // what was written is no whole answer
    trouble(error.message);
  } finally {
    if (stop === mine) {
      $("submit").removeAttribute("aria-busy");
      $("answer").removeAttribute("aria-busy");
      stage("");
    }
  }
}

function clearAnswer() {
  $("answer").hidden = true;
  $("answer-text").replaceChildren();
  $("who").replaceChildren();
  $("cited").replaceChildren();
}

function stage(words) {
  $("stage").hidden = !words;
  $("stage").textContent = words;
}

/** Show what was answered before; false when there is nothing and the model is to be asked. */
async function answeredBefore(text, kept, signal) {
  if (await answered(text, signal, { kept: true })) return true;
  if (kept !== "only") return false;
  showFound(await search(text, how(), { signal }));
  $("answer").hidden = false;
  $("who").replaceChildren("The answer is not kept. ", h("button", { type: "button", class: "link", id: "ask-again", onclick: () => askNow() }, "Ask the model again"));
  return true;
}

/** Whether it was answered; it is not where only a kept answer was asked for and there is none. */
async function answered(text, signal, more = {}) {
  $("answer").hidden = false;
  stage("Searching…");
  for await (const { event, data } of ask(text, { ...how(), ...more }, { signal })) {
    if (event === "queries") stage(`Searching for ${counted(data.length, "thing")} more…`);
    else if (event === "evidence") {
      showFound(data);
      stage(`Reading ${counted(data.lines.length, "line")}…`);
    } else if (event === "writing") {
      $("answer").setAttribute("aria-busy", "true"); // it is read aloud once it is whole
      $("answer-text").textContent = data.answer;
    } else if (event === "answer") { showAnswer(data); return true; }
    else if (event === "nothing") return false;
    else if (event === "error") throw new Trouble(data.detail, data.status);
  }
  throw new Trouble("The server broke off. Ask again.");
}

function showAnswer(data) {
  const read = new Map(data.found.lines.map((one) => [keyOf(one.chat, one.id), one]));
  state.cited = data.cited.map((one) => read.get(keyOf(one.chat, one.id)) ?? one);
  $("answer-text").replaceChildren(...withNumbers(data.answer, state.cited));
  $("who").replaceChildren(...whoAnswered(data));
  drawCited();
  showFound(data.found);
}

function drawCited() {
  const several = new Set(state.cited.map((one) => one.chat)).size > 1;
  $("cited").replaceChildren(...state.cited.filter((one) => one.text).map((one) => lineItem(one, several)));
}

function whoAnswered(data) {
  if (data.offline && !data.cited.length) {
    return ["The offline reader found no answer; it is a few rules without a language model.", data.found.lines.length ? " The lines below may have one." : ""];
  }
  const who = data.offline
    ? ["Found by the offline reader, without a language model"] : ["Answered by ", h("b", {}, name(data.model ?? "the language model"))];
  return data.cited.length ? [...who, `, from ${counted(data.cited.length, "line")}`] : who;
}

/** The answer's text, with a numbered button where it cites a line, else all of them after it. */
function withNumbers(text, cited) {
  const parts = [];
  const named = new Set();
  let from = 0;
  for (const match of text.matchAll(/[[(]\s*D?\d+:\d+(?:\s*[,;]\s*D?\d+:\d+)*\s*[\])]/g)) {
    const numbers = (match[0].match(/\d+:\d+/g) ?? []).map((id) => cited.findIndex((one) => one.id === `D${id}`) + 1).filter(Boolean);
    if (!numbers.length) continue;
    parts.push(text.slice(from, match.index).replace(/\s+$/, ""));
    for (const number of numbers) { named.add(number); parts.push(cite(number, cited[number - 1])); }
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from).trimEnd());
  cited.forEach((one, at) => { if (!named.has(at + 1)) parts.push(cite(at + 1, one)); });
  return parts;
}

const cite = (number, one) => h("sup", { class: "cite" },
  h("button", { type: "button", class: "number", "data-chat": one.chat, "data-id": one.id, "aria-label": `Citation ${count(number)}: open the conversation`,
    onclick: () => openAt(one.chat, one.id) }, String(number)));

/** Open citation `number`, from 1. */
export function openCitation(number) {
  const one = state.cited[number - 1];
  if (one) openAt(one.chat, one.id);
  return Boolean(one);
}

/** Search again for what is shown, as after a change of the chats, people, dates or of a message. */
export async function again() {
  if (!state.question) return;
  try { showFound(await search(state.question, how())); } catch (error) { trouble(error.message); }
}

/** A message says something else now, or (null) is no more: its citation follows. */
export function citedChanged(chat, id, text) {
  const place = state.cited.findIndex((one) => one.chat === chat && one.id === id);
  if (place < 0) return;
  state.cited[place] = { ...state.cited[place], text };
  drawCited();
  $("who").append(text === null ? " A line it cites was forgotten since." : " A line it cites was corrected since.");
}

const fit = () => { question.style.height = "auto"; question.style.height = `${question.scrollHeight}px`; };
export function setQuestion(text) { question.value = text; fit(); }
question.addEventListener("input", fit);
let width = 0;
new ResizeObserver(() => { if (question.clientWidth !== width) { width = question.clientWidth; fit(); } }).observe(question);
question.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); askNow(); }
});
$("ask").addEventListener("submit", (event) => { event.preventDefault(); askNow(); });
$("mode").addEventListener("change", () => {
  $("submit").textContent = mode() === "search" ? "Search" : "Ask";
  if (state.question && question.value.trim() === state.question) askNow({ kept: "first" });
});
for (const id of ["since", "until"]) $(id).addEventListener("change", () => { state[id] = $(id).value; changed("scope"); });
$("clear-dates").addEventListener("click", () => { $("since").value = $("until").value = state.since = state.until = ""; changed("scope"); });
watch("scope", () => { $("narrow").classList.toggle("is-set", Boolean(state.since || state.until)); });
