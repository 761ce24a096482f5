// One question in full: all answers, the evidence, the context as sent.

function open(q, takeFocus = false, replace = opened !== null) {
  opened = q;
  const hash = `#${encodeURI(`${currentProgram()}/${q.id}`)}`;
  if (location.hash !== hash) history[replace ? "replaceState" : "pushState"](null, "", hash);
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
    said("h3", { class: "question" }, q.text),
    h("dl", { class: "goldbox" }, h("dt", {}, "Gold answer"),
      q.gold ? said("dd", { id: "gold" }, q.gold) : h("dd", { id: "gold", class: "none" }, "none: the conversation does not tell")),
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
  if (answer.queries.length) fact("queries", h("ul", {}, ...answer.queries.map((query) => said("li", {}, query))));
  fact("tokens", `${number(answer.contextTokens)} context, ${number(answer.promptTokens)} prompt, ${number(answer.completionTokens)} completion`);
  if (answer.memoryTokens !== null) fact("memory", `${number(answer.memoryTokens)} tokens held`);
  fact("LM calls", `${number(answer.calls)}${answer.cached ? `, ${number(answer.cached)} of them cached` : ""}`);
  if (answer.latencySec !== null) fact("latency", `${number(answer.latencySec, 3)} s`);
  const element = h("section", { class: program === currentProgram() ? "card current" : "card", "data-program": program },
    said("h4", {}, program),
    answer.error !== null ? said("p", { class: "trouble" }, answer.error) : said("p", { class: "answer" }, answer.text),
    ...answer.problems.map((problem) => said("p", { class: "trouble" }, problem)), facts,
    ...data.judges.map((judge) => judged(judge, verdictOf(judge, program, q.index))).filter(Boolean));
  element.style.setProperty("--colour", colourOf(program));
  return element;
}

function judged(judge, verdict) {
  if (verdict === null) return null;
  const [code, reason, votes = []] = verdict;
  return h("div", { class: "judged" },
    h("p", {}, `${judge}: `, h("b", { class: `verdict ${VERDICT_STYLE[code]}` }, VERDICTS[code].toLowerCase())), said("p", {}, reason),
    ...votes.map(([vote, why], place) => said("p", { class: "none" }, `vote ${place + 1}: ${VERDICTS[vote].toLowerCase()}, ${why}`)));
}

function evidenceWords(q, answer) {
  if (!q.evidence.length) return "none named";
  const sent = new Set(turnsOf(answer.retrieved));
  const found = q.evidence.filter((turn) => sent.has(turn)).length;
  return h("span", { class: found === q.evidence.length ? "yes" : found ? "odd" : "no" }, `${found} of ${q.evidence.length} gold turns found`);
}

// -- the context as sent -----------------------------------------------------------------------------------------------

function contextOf(q, program) {
  const [, headers, turns, passages] = data.conversations[q.conversation];
  const answer = answers[program][q.index];
  const full = data.full_lines[data.programs.indexOf(program)];
  const ranked = turnsOf(answer.retrieved);
  const rank = new Map(ranked.map((turn, place) => [turn, place + 1]));
  const gold = new Set(q.evidence);
  const cited = new Set(turnsOf(answer.cited));
  const wholeOf = ([id, , brief, whole]) => (brief === undefined ? id : (full && whole) || brief || whole || "says nothing");
  const lineOf = (turn) => {
    const shown = answer.shown[turn]; // undefined: the whole line, as almost always
    if (typeof shown === "string") return shown;
    return shown && passages[turn] ? joined(turns[turn][2], passages[turn], shown) : wholeOf(turns[turn]);
  };
  const body = h("div", { class: "context", id: "context" });
  let header = null;
  let unknown = 0;
  for (const turn of ranked.slice().sort((a, b) => a - b)) { // turns are numbered in time order
    const record = turns[turn];
    if (record.length === 1) unknown += 1;
    else if (record[1] !== header) {
      header = record[1];
      body.append(said("div", { class: "session" }, headers[header]));
    }
    const marks = [gold.has(turn) && "gold", cited.has(turn) && "cited"].filter(Boolean);
    body.append(h("div", { class: marks.join(" "), id: `turn-${turn}` }, said("span", {}, lineOf(turn)),
      h("span", { class: "tag" }, h("b", {}, marks.join(", ")), ` #${rank.get(turn)}`)));
  }
  const tabs = h("div", { class: "tabs", role: "group", "aria-label": "Context of" }, ...data.programs.map((name) =>
    h("button", { type: "button", "aria-pressed": String(name === program),
      onclick: () => { selects.program.value = name; opened = q; apply(); } }, name)));
  const size = answer.contextTokens === null ? "" : `, ${number(answer.contextTokens)} tokens`;
  return [
    h("h4", {}, "Gold evidence"),
    q.evidence.length ? h("ul", { class: "evidence" }, ...q.evidence.map((turn) => evidenceItem(turns[turn], headers, turn, rank, wholeOf)))
      : h("p", { class: "note" }, "This question names no evidence."),
    h("h4", {}, `Context as sent: ${number(ranked.length)} lines${size}`),
    data.programs.length > 1 ? tabs : "",
    unknown ? h("p", { class: "note" }, `The text of ${number(unknown)} lines is not in this run folder (lines.json): their ids are shown.`) : "",
    ranked.length ? body : h("p", { class: "note" }, "Nothing was sent."),
  ].filter((part) => part !== "");
}

// What is shown of a long turn, from its whole line; as join_passages in memoryqa/rendering.py.
function joined(whole, starts, shown) {
  const signs = Array.from(whole); // the starts count characters, not UTF-16 units
  let text = signs.slice(0, starts[0]).join("");
  let before = -1;
  for (const place of shown) {
    text += (place > before + 1 ? " …" : "") + signs.slice(starts[place], starts[place + 1]).join("");
    before = place;
  }
  return before === starts.length - 1 ? text : `${text} …`;
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
    h("span", { class: "where" }, where), record.length > 1 ? said("bdi", {}, ` ${lineOf(record)} `) : " ",
    found ? h("button", { type: "button", class: "link", onclick: show }, "show") : "");
}

