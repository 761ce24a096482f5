// The list draws only what is in view.

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
    said("span", { class: "q" }, q.text), h("span", { class: "cat" }, data.categories[q.category]),
    h("span", { class: "gold" }, h("small", {}, "gold "), said("bdi", {}, q.gold || "none")),
    said("span", { class: "a" }, answer.error !== null ? "failed" : answer.text), marks);
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

