// Correcting and forgetting a message: each shows what will happen before it does.

import { $, announce, counted, day, h, name, said } from "./dom.js";
import { changed } from "./state.js";
import { correctMessage, forgetMessages, revisions } from "./memory.js";

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

export function forget(chat, message) {
  const one = h("input", { type: "radio", name: "what", value: "id" });
  one.checked = true;
  const person = h("input", { type: "radio", name: "what", value: "person" });
  const on = message.time?.slice(0, 10);
  const before = on ? h("input", { type: "radio", name: "what", value: "before" }) : null;
  const sure = h("input", { type: "checkbox", id: "sure" });
  const surely = h("label", { class: "check", hidden: true }, sure, "Yes, erase all of these messages");
  const shown = dialog("Forget", quoted(message),
    h("fieldset", { class: "choices" }, h("legend", {}, "What to erase"),
      h("label", {}, one, "this message"),
      h("label", {}, person, h("span", {}, "all that ", name(message.speaker), " said in this chat")),
      before ? h("label", {}, before, `all that was said before ${day(on)}`) : null),
    surely,
    h("p", { class: "note" }, "It is erased from the file too, with its revisions. This cannot be undone."), actions("Forget", "danger"));
  shown.form.addEventListener("change", (event) => {
    if (event.target.name === "what") { surely.hidden = one.checked; sure.required = !one.checked; sure.checked = false; }
  });
  whenSent(shown, async () => {
    const what = one.checked ? { id: message.id } : person.checked ? { person: message.speaker } : { before: on };
    const { messages } = await forgetMessages(chat, what);
    changed("line", chat, message.id, null);
    return `Erased ${counted(messages, "message")}`;
  });
  shown.form.querySelector(".actions .secondary").focus();
}
