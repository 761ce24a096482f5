// Filters: which questions are shown.

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
  const scores = shown.length ? data.programs.map((name) => said("span", {}, dot(name), `${name} ${percent(meanF1(name, shown))}`)) : [];
  $("status").replaceChildren(
    h("b", {}, `${number(shown.length)} of ${number(questions.length)}`), " questions", shown.length ? ", mean F1 in %:" : "", ...scores);
  $("list").style.setProperty("--rows", Math.max(1, shown.length));
  spacer.style.height = `${shown.length * ROW_HEIGHT}px`;
  drawn.clear();
  draw();
  if (opened !== null) open(opened);
}

