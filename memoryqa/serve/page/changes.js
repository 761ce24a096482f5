// Correcting and forgetting a message: each shows what will happen before it does.

import { $, announce, count, counted, day, h, joined, name, said, span } from "./dom.js";
import { changed } from "./state.js";
import { correctMessage, forgetMessages, revisions, wouldForget } from "./memory.js";

function dialog(title, ...parts) {
  const problem = h("p", { class: "error", role: "alert", hidden: true });
  const form = h("form", { method: "dialog" }, h("h2", { id: "change-title" }, title), ...parts, problem);
  $("change-body").replaceChildren(form);
  const shown = $("change-dialog");
  if (!shown.open) shown.showModal();
  return { form, problem, close: () => shown.close() };
}

const quoted = (message) => h("blockquote", {},
  h("p", { class: "speaker" }, name(message.speaker), " ", h("span", { class: "note" }, day(message.time))), said("p", { class: "text" }, message.text));

function actions(verb, style = "primary") {
  return h("div", { class: "actions" },
    h("button", { type: "button", class: "secondary", onclick: () => $("change-dialog").close() }, "Cancel"),
    h("button", { type: "submit", class: style }, verb));
}

/** Do `work` when the form is sent; what goes wrong is shown in the dialog, which stays. */
function whenSent({ form, problem, close }, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const send = form.querySelector("[type=submit]");
    send.disabled = true;
    try {
      announce(await work());
      close();
      changed("memory");
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
    send.disabled = false;
  });
}

export async function correct(chat, message) {
  const text = h("textarea", { id: "new-text", rows: "5", dir: "auto", required: true });
  text.value = message.text;
  const erase = h("input", { type: "checkbox" });
  const older = h("div", { class: "revisions" });
  const shown = dialog("Correct this message",
    h("p", { class: "note" }, name(message.speaker), `, ${day(message.time)}`),
    h("label", { class: "field", for: "new-text" }, "What it should say"), text,
    h("label", { class: "check" }, erase, "Erase what it said before, instead of keeping it as a revision"),
    older, actions("Correct"));
  whenSent(shown, async () => {
    await correctMessage(chat, message.id, text.value, !erase.checked);
    changed("line", chat, message.id, text.value);
    return "Corrected";
  });
  text.focus();
  const found = message.revised ? await revisions(chat, message.id).catch(() => []) : [];
  if (found.length) older.append(h("h3", {}, "Earlier versions"), h("ol", {}, found.map((one) => said("li", {}, one.text))));
}

/** What is about to be erased: how much of whom and when, and the first lines of it. */
function meantLines({ total, people, first, last, messages }) {
  if (!total) return ["Nothing was said before that day."];
  const who = people.length > 3 ? [...people.slice(0, 2), `${count(people.length - 2)} others`] : people;
  return [h("p", {}, h("b", {}, counted(total, "message")), " of ", name(joined(who)), `, ${span(first, last)}`),
    h("ul", {}, messages.map((one) => said("li", {}, one.text))), total > messages.length ? h("p", { class: "note" }, `and ${count(total - messages.length)} more`) : null].filter(Boolean);
}

export function forget(chat, message) {
  const one = h("input", { type: "radio", name: "what", value: "id" });
  one.checked = true;
  const person = h("input", { type: "radio", name: "what", value: "person" });
  const on = message.time?.slice(0, 10);
  const before = on ? h("input", { type: "radio", name: "what", value: "before" }) : null;
  const sure = h("input", { type: "checkbox", id: "sure" });
  const surely = h("label", { class: "check", hidden: true }, sure, "Yes, erase all of these messages");
  const meant = h("div", { class: "meant", role: "status", hidden: true });
  const what = () => one.checked ? { id: message.id } : person.checked ? { person: message.speaker } : { before: on };
  let asked = 0;
  const showMeant = async () => {
    const mine = ++asked;
    meant.hidden = one.checked;
    meant.replaceChildren("Counting…");
    sure.disabled = true;
    if (one.checked) return;
    try {
      const found = await wouldForget(chat, what());
      if (mine !== asked) return;
      meant.replaceChildren(...meantLines(found));
      sure.disabled = found.total === 0;
    } catch (error) {
      if (mine === asked) meant.replaceChildren(error.message);
    }
  };
  const shown = dialog("Forget", quoted(message),
    h("fieldset", { class: "choices" }, h("legend", {}, "What to erase"),
      h("label", {}, one, "this message"),
      h("label", {}, person, h("span", {}, "all that ", name(message.speaker), " said in this chat")),
      before ? h("label", {}, before, `all that was said before ${day(on)}`) : null),
    meant, surely,
    h("p", { class: "note" }, "What is erased is gone from the file too, with its earlier versions. This cannot be undone."), actions("Forget", "danger"));
  shown.form.addEventListener("change", (event) => {
    if (event.target.name === "what") { surely.hidden = one.checked; sure.required = !one.checked; sure.checked = false; showMeant(); }
  });
  whenSent(shown, async () => {
    const { messages } = await forgetMessages(chat, what());
    changed("line", chat, message.id, null);
    return `Erased ${counted(messages, "message")}`;
  });
  shown.form.querySelector(".actions .secondary").focus();
}
