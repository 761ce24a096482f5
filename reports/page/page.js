"use strict";
// The explorer: filters, a list that draws only what is in view, and one question at a time in full.
// All text from the data goes through textContent (see `h`), so that whatever a conversation holds stays text.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const ROW_HEIGHT = 60; // as .item in page.css
const VERDICTS = ["CORRECT", "WRONG", "UNREADABLE"];
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
    promptTokens, completionTokens, latencySec] = data.answers[program][index];
  return { text, f1, recall, retrieved, cited, hops, queries, problems, error, contextTokens, memoryTokens, calls, cached,
    promptTokens, completionTokens, latencySec };
}

const answers = Object.fromEntries(data.programs.map((name) => [name, questions.map((q) => answerOf(name, q.index))]));
const verdictOf = (judge, program, index) => data.verdicts[judge][program][index];
const dot = (program) => {
  const element = h("i", { class: "dot small" });
  element.style.background = colourOf(program);
  return element;
};
const colourOf = (program) => `var(--p${data.programs.indexOf(program) % 6})`;

// right by a measure: true, false, or null when that judge has no readable verdict
function isRight(measure, program, index) {
  if (measure === "f1") return answers[program][index].f1 >= data.right_f1;
  const verdict = verdictOf(measure, program, index);
  return verdict === null || verdict[0] === 2 ? null : verdict[0] === 0;
}

const searchable = questions.map((q) =>
  [q.id, q.text, q.gold, ...data.programs.map((name) => answers[name][q.index].text)].join("\n").toLowerCase());

// -- filters -----------------------------------------------------------------------------------------------------------

const right = `${100 * data.right_f1}%`;
const OUTCOMES = {
  changed: (now, before) => now !== null && before !== null && now !== before,
  gained: (now, before) => now === true && before === false,
  lost: (now, before) => now === false && before === true,
  "both right": (now, before) => now === true && before === true,
  "both wrong": (now, before) => now === false && before === false,
};
const EVIDENCE = {
  "all found": (recall) => recall === 1,
  "partly found": (recall) => recall !== null && recall > 0 && recall < 1,
  missed: (recall) => recall === 0,
  "none named": (recall) => recall === null,
};
const F1 = {
  [`right (${right} or more)`]: (f1) => f1 >= data.right_f1,
  [`wrong (under ${right})`]: (f1) => f1 < data.right_f1,
  "exact (100%)": (f1) => f1 === 1,
  "nothing (0%)": (f1) => f1 === 0,
};
const TROUBLE = { failed: (a) => a.error !== null, "with problems": (a) => a.problems.length > 0, none: (a) => a.error === null && !a.problems.length };
const selects = {};

function addSelect(key, title, options, anyLabel = "any") {
  const select = h("select", { id: `filter-${key}` });
  if (anyLabel) select.append(h("option", { value: "" }, anyLabel));
  for (const [value, text] of options) select.append(h("option", { value }, text));
  select.addEventListener("change", apply);
  selects[key] = select;
  $("choices").append(h("label", { for: select.id }, title, select));
}

function buildFilters() {
  const same = (values) => values.map((value) => [value, value]);
  const asked = [...new Set(questions.map((q) => q.category))].sort();
  addSelect("program", "Program", same(data.programs), "");
  addSelect("category", "Category", asked.map((category) => [category, data.categories[category]]));
  addSelect("f1", "Token F1", same(Object.keys(F1)));
  data.judges.forEach((judge, place) =>
    addSelect(`judge-${place}`, `Judge ${judge}`, [...VERDICTS.map((name, code) => [String(code), name.toLowerCase()]), ["none", "not judged"]]));
  addSelect("evidence", "Evidence", same(Object.keys(EVIDENCE)));
  addSelect("trouble", "Trouble", same(Object.keys(TROUBLE)));
  if (data.programs.length > 1) {
    addSelect("against", "Compared with", same(data.programs), "nothing");
    addSelect("outcome", "Outcome", same(Object.keys(OUTCOMES)));
    if (data.judges.length) addSelect("measure", "Right by", [["f1", `F1 ${right} or more`], ...same(data.judges)], "");
  }
  for (const [key, value] of Object.entries(data.preset)) selects[key].value = value;
}

function clear() {
  for (const [key, select] of Object.entries(selects)) if (key !== "program") select.selectedIndex = 0;
}

function meanF1(program, some) {
  return some.length ? some.reduce((sum, q) => sum + answers[program][q.index].f1, 0) / some.length : null;
}

const chosen = (key) => (selects[key] ? selects[key].value : "");
const currentProgram = () => selects.program.value;

function matches(q) {
  const program = currentProgram();
  const answer = answers[program][q.index];
  if (chosen("category") && q.category !== chosen("category")) return false;
  if (chosen("f1") && !F1[chosen("f1")](answer.f1)) return false;
  if (chosen("evidence") && !EVIDENCE[chosen("evidence")](answer.recall)) return false;
  if (chosen("trouble") && !TROUBLE[chosen("trouble")](answer)) return false;
  for (const [place, judge] of data.judges.entries()) {
    const wanted = chosen(`judge-${place}`);
    const verdict = verdictOf(judge, program, q.index);
    if (wanted && (verdict === null ? "none" : String(verdict[0])) !== wanted) return false;
  }
  if (chosen("against") && chosen("outcome")) {
    const measure = chosen("measure") || "f1";
    const now = isRight(measure, program, q.index);
    if (!OUTCOMES[chosen("outcome")](now, isRight(measure, chosen("against"), q.index))) return false;
  }
  return true;
}

let shown = [];
let selected = 0;
let opened = null;

function apply() {
  const keep = shown[selected];
  const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  shown = questions.filter((q) => words.every((word) => searchable[q.index].includes(word)) && matches(q));
  selected = Math.max(0, shown.indexOf(keep));
  for (const [key, select] of Object.entries(selects)) select.classList.toggle("set", key !== "program" && key !== "measure" && select.value !== "");
  for (const key of ["outcome", "measure"]) if (selects[key]) selects[key].parentElement.hidden = !chosen("against");
  const scores = shown.length ? data.programs.map((name) => h("span", {}, dot(name), `${name} ${percent(meanF1(name, shown))}`)) : [];
  $("status").replaceChildren(
    h("b", {}, `${number(shown.length)} of ${number(questions.length)}`), " questions", shown.length ? ", mean F1 in %:" : "", ...scores);
  $("list").style.setProperty("--rows", Math.max(1, shown.length));
  spacer.style.height = `${shown.length * ROW_HEIGHT}px`;
  drawn.clear();
  draw();
  if (opened !== null) open(opened);
}

// -- list --------------------------------------------------------------------------------------------------------------

const drawn = new Map(); // place in `shown` -> element
const spacer = $("spacer"); // as tall as the whole list

function draw() {
  const list = $("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW_HEIGHT) - 8);
  const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW_HEIGHT) + 8);
  const wanted = new Map();
  for (let place = first; place < last; place += 1) wanted.set(place, drawn.get(place) || item(place));
  drawn.clear();
  for (const [place, element] of wanted) {
    drawn.set(place, element);
    element.setAttribute("aria-selected", String(place === selected));
  }
  list.replaceChildren(spacer, ...wanted.values());
  if (drawn.has(selected)) list.setAttribute("aria-activedescendant", drawn.get(selected).id);
  else list.removeAttribute("aria-activedescendant");
}
function item(place) {
  const q = shown[place];
  const answer = answers[currentProgram()][q.index];
  const words = data.programs.map((name) => `${name} ${short(answers[name][q.index].f1)}%`);
  const marks = h("span", { class: "marks", role: "img", "aria-label": `F1: ${words.join(", ")}`, title: `F1: ${words.join(", ")}` });
  for (const program of data.programs) {
    const { f1, error } = answers[program][q.index];
    const style = error !== null ? "odd" : f1 >= data.right_f1 ? "yes" : "no";
    marks.append(h("b", { class: style }, dot(program), error !== null ? "failed" : short(f1)));
  }
  const element = h("div", { class: "item", role: "option", id: `item-${q.index}`, "aria-setsize": shown.length, "aria-posinset": place + 1,
    onclick: () => { select(place); open(q, true); } },
    h("span", { class: "q" }, q.text), h("span", { class: "cat" }, data.categories[q.category]),
    h("span", { class: "a" }, answer.error !== null ? "failed" : answer.text), marks);
  element.style.top = `${place * ROW_HEIGHT}px`;
  return element;
}

function select(place) {
  if (!shown.length) return;
  selected = Math.min(Math.max(place, 0), shown.length - 1);
  const list = $("list");
  const top = selected * ROW_HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + ROW_HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW_HEIGHT - list.clientHeight;
  draw();
}

// -- one question ------------------------------------------------------------------------------------------------------

function open(q, takeFocus = false) {
  const wasOpen = opened !== null;
  opened = q;
  const hash = `#${encodeURI(`${currentProgram()}/${q.id}`)}`;
  if (location.hash !== hash) history[wasOpen ? "replaceState" : "pushState"](null, "", hash);
  const place = shown.indexOf(q);
  if (place >= 0) selected = place;
  const step = (by) => () => { select(place + by); open(shown[selected]); };
  const detail = $("detail");
  detail.replaceChildren(
    h("div", { class: "topline" },
      h("span", {}, `${q.id} · ${data.categories[q.category]}${place < 0 ? "" : ` · ${number(place + 1)} of ${number(shown.length)}`}`),
      h("nav", { "aria-label": "Question" },
        h("button", { type: "button", disabled: place <= 0, onclick: step(-1), "aria-label": "Previous question" }, "‹"),
        h("button", { type: "button", disabled: place < 0 || place >= shown.length - 1, onclick: step(1), "aria-label": "Next question" }, "›"),
        h("button", { type: "button", onclick: () => close(), id: "close" }, "Close"))),
    h("h3", { class: "question" }, q.text),
    h("dl", { class: "goldbox" }, h("dt", {}, "Gold answer"),
      q.gold ? h("dd", { id: "gold" }, q.gold) : h("dd", { id: "gold", class: "none" }, "none: the conversation does not tell")),
    h("div", { class: "cards" }, ...data.programs.map((program) => card(q, program))),
    ...contextOf(q, currentProgram()));
  detail.hidden = false;
  $("panes").classList.add("open");
  document.body.classList.add("reading");
  detail.scrollTop = 0;
  draw();
  if (takeFocus) detail.focus({ preventScroll: matchMedia("(min-width: 901px)").matches });
}

function close() {
  opened = null;
  $("detail").hidden = true;
  $("panes").classList.remove("open");
  document.body.classList.remove("reading");
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  select(selected);
  $("list").focus({ preventScroll: true });
}

function card(q, program) {
  const answer = answers[program][q.index];
  const facts = h("dl");
  const fact = (title, ...value) => facts.append(h("dt", {}, title), h("dd", {}, ...value));
  fact("F1", h("span", { class: `verdict ${answer.f1 >= data.right_f1 ? "yes" : "no"}` }, `${percent(answer.f1)}%`));
  fact("evidence", evidenceWords(q, answer));
  if (answer.hops !== null) fact("hops", number(answer.hops));
  if (answer.queries.length) fact("queries", h("ul", {}, ...answer.queries.map((query) => h("li", {}, query))));
  fact("tokens", `${number(answer.contextTokens)} context, ${number(answer.promptTokens)} prompt, ${number(answer.completionTokens)} completion`);
  if (answer.memoryTokens !== null) fact("memory", `${number(answer.memoryTokens)} tokens held`);
  fact("LM calls", `${number(answer.calls)}${answer.cached ? `, ${number(answer.cached)} of them cached` : ""}`);
  fact("latency", `${number(answer.latencySec, 3)} s`);
  const element = h("section", { class: program === currentProgram() ? "card current" : "card", "data-program": program },
    h("h4", {}, program),
    answer.error !== null ? h("p", { class: "trouble" }, answer.error) : h("p", { class: "answer" }, answer.text),
    ...answer.problems.map((problem) => h("p", { class: "trouble" }, problem)), facts,
    ...data.judges.map((judge) => judged(judge, verdictOf(judge, program, q.index))).filter(Boolean));
  element.style.setProperty("--colour", colourOf(program));
  return element;
}

function judged(judge, verdict) {
  if (verdict === null) return null;
  const [code, reason, votes = []] = verdict;
  return h("div", { class: "judged" },
    h("p", {}, `${judge}: `, h("b", { class: `verdict ${VERDICT_STYLE[code]}` }, VERDICTS[code].toLowerCase())), h("p", {}, reason),
    ...votes.map(([vote, why], place) => h("p", { class: "none" }, `vote ${place + 1}: ${VERDICTS[vote].toLowerCase()}, ${why}`)));
}

function evidenceWords(q, answer) {
  if (!q.evidence.length) return "none named";
  const sent = new Set(turnsOf(answer.retrieved));
  const found = q.evidence.filter((turn) => sent.has(turn)).length;
  return h("span", { class: found === q.evidence.length ? "yes" : found ? "odd" : "no" }, `${found} of ${q.evidence.length} gold turns found`);
}

// -- the context as sent -----------------------------------------------------------------------------------------------

function contextOf(q, program) {
  const [, headers, turns] = data.conversations[q.conversation];
  const answer = answers[program][q.index];
  const full = data.full_lines[data.programs.indexOf(program)];
  const ranked = turnsOf(answer.retrieved);
  const rank = new Map(ranked.map((turn, place) => [turn, place + 1]));
  const gold = new Set(q.evidence);
  const cited = new Set(turnsOf(answer.cited));
  const lineOf = ([id, , brief, whole]) => (brief === undefined ? id : (full && whole) || brief || whole || "says nothing");
  const body = h("div", { class: "context", id: "context" });
  let header = null;
  let unknown = 0;
  for (const turn of ranked.slice().sort((a, b) => a - b)) { // turns are numbered in time order
    const record = turns[turn];
    if (record.length === 1) unknown += 1;
    else if (record[1] !== header) {
      header = record[1];
      body.append(h("div", { class: "session" }, headers[header]));
    }
    const marks = [gold.has(turn) && "gold", cited.has(turn) && "cited"].filter(Boolean);
    body.append(h("div", { class: marks.join(" "), id: `turn-${turn}` }, h("span", {}, lineOf(record)),
      h("span", { class: "tag" }, h("b", {}, marks.join(", ")), ` #${rank.get(turn)}`)));
  }
  const tabs = h("div", { class: "tabs", role: "group", "aria-label": "Context of" }, ...data.programs.map((name) =>
    h("button", { type: "button", "aria-pressed": String(name === program),
      onclick: () => { selects.program.value = name; opened = q; apply(); } }, name)));
  const size = answer.contextTokens === null ? "" : `, ${number(answer.contextTokens)} tokens`;
  return [
    h("h4", {}, "Gold evidence"),
    q.evidence.length ? h("ul", { class: "evidence" }, ...q.evidence.map((turn) => evidenceItem(turns[turn], headers, turn, rank, lineOf)))
      : h("p", { class: "note" }, "This question names no evidence."),
    h("h4", {}, `Context as sent: ${number(ranked.length)} lines${size}`),
    data.programs.length > 1 ? tabs : "",
    unknown ? h("p", { class: "note" }, `The text of ${number(unknown)} lines is not in this run folder (lines.json): their ids are shown.`) : "",
    ranked.length ? body : h("p", { class: "note" }, "Nothing was sent."),
  ].filter((part) => part !== "");
}

function evidenceItem(record, headers, turn, rank, lineOf) {
  const found = rank.has(turn);
  const where = `${record[0]}${record.length > 1 ? ` ${headers[record[1]]}` : ""}`;
  const show = () => {
    document.querySelector(".context .target")?.classList.remove("target");
    const line = $(`turn-${turn}`);
    line.classList.add("target");
    line.scrollIntoView({ block: "center" });
  };
  return h("li", { class: found ? "found" : "missed" },
    h("b", { class: found ? "yes" : "no" }, found ? `found, rank ${rank.get(turn)}` : "missed"), " ",
    h("span", { class: "where" }, where), record.length > 1 ? ` ${lineOf(record)} ` : " ",
    found ? h("button", { type: "button", class: "link", onclick: show }, "show") : "");
}

// -- keys and links ----------------------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select, textarea");
  const inList = event.target === $("list");
  const move = (by) => { select(selected + by); if (opened !== null && shown.length) open(shown[selected]); };
  if (event.key === "Escape") {
    if (typing) $("list").focus();
    else if (opened !== null) close();
  } else if (typing) return;
  else if (event.key === "/") $("search").focus();
  else if (event.key === "j" || (inList && event.key === "ArrowDown")) move(1);
  else if (event.key === "k" || (inList && event.key === "ArrowUp")) move(-1);
  else if (event.key === "Enter" && !event.target.matches("button, a")) { if (shown.length) open(shown[selected], true); else return; }
  else return;
  event.preventDefault();
});

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; } // a link that was cut
}

function followHash() {
  if (!location.hash) { if (opened !== null) close(); return; }
  const target = decoded(location.hash.slice(1));
  const program = data.programs.find((name) => target.startsWith(`${name}/`));
  const q = program && questions.find((one) => one.id === target.slice(program.length + 1));
  if (!q) return;
  if (opened === q && currentProgram() === program) return;
  selects.program.value = program;
  opened = null;
  apply();
  if (shown.includes(q)) select(shown.indexOf(q));
  open(q);
}

buildFilters();
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("filters").addEventListener("reset", (event) => { event.preventDefault(); $("search").value = ""; clear(); apply(); });
$("search").addEventListener("input", apply);
$("list").addEventListener("scroll", () => requestAnimationFrame(draw));
window.addEventListener("resize", draw);
window.addEventListener("hashchange", followHash);
for (const id of ["filters", "panes", "keys"]) $(id).hidden = false;
apply();
followHash();
