"use strict";
// The explorer: filters, a list that draws only what is in view, and one question at a time in full.
// All text from the data goes through textContent (see `h`), so that whatever a conversation holds stays text.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const ROW_HEIGHT = 60; // as .item in page.css
const VERDICTS = data.verdict_names;
const VERDICT_STYLE = ["yes", "no", "odd"];
const number = (value, digits = 0) =>
  value === null ? "-" : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const percent = (value) => (value === null ? "-" : (100 * value).toFixed(1));
const short = (value) => (value === null ? "-" : (100 * value).toFixed(0));

function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

// An element whose text is from the data: its direction is that of the text.
const said = (tag, attributes = {}, ...children) => h(tag, { dir: "auto", ...attributes }, ...children);

// -- records: the same order as in reports/data.py ---------------------------------------------------------------

const questions = data.questions.map(([id, conversation, category, text, gold, evidence], index) => ({
  index, id, conversation, category: String(category), text, gold, evidence: turnsOf(evidence),
}));

function turnsOf(runs) { // "4 9-7" -> [4, 9, 8, 7]
  const turns = [];
  for (const run of runs ? runs.split(" ") : []) {
    const [first, last = first] = run.split("-").map(Number);
    const step = last < first ? -1 : 1;
    for (let turn = first; turn !== last + step; turn += step) turns.push(turn);
  }
  return turns;
}

function answerOf(program, index) {
  const [text, f1, recall, retrieved, cited, hops, queries, problems, error, contextTokens, memoryTokens, calls, cached,
    promptTokens, completionTokens, latencySec, shown] = data.answers[program][index];
  return { text, f1, recall, retrieved, cited, hops, queries, problems, error, contextTokens, memoryTokens, calls, cached,
    promptTokens, completionTokens, latencySec, shown };
}

const answers = Object.fromEntries(data.programs.map((name) => [name, questions.map((q) => answerOf(name, q.index))]));
const verdictOf = (judge, program, index) => data.verdicts[judge][program][index];
const dot = (program) => {
  const element = h("i", { class: "dot small" });
  element.style.background = colourOf(program);
  return element;
};
const colourOf = (program) => data.colours[data.programs.indexOf(program)];

// right by a measure: true, false, or null when that judge has no readable verdict
function isRight(measure, program, index) {
  if (measure === "f1") return answers[program][index].f1 >= data.right_f1;
  const verdict = verdictOf(measure, program, index);
  return verdict === null || verdict[0] === 2 ? null : verdict[0] === 0;
}

const searchable = questions.map((q) =>
  [q.id, q.text, q.gold, ...data.programs.map((name) => answers[name][q.index].text)].join("\n").toLowerCase());

