// One message of a conversation, with what can be done to it.

import { clock, day, direction, h, name, said } from "./dom.js";
import { correct, forget } from "./changes.js";

const HUES = 6;

let hues = new Map();

/** Give each name one of a few colours, and those who share a chat different ones as far as there are. */
export function giveHues(chats) {
  hues = new Map();
  for (const { people } of chats) {
    const uses = Array(HUES).fill(0);
    for (const one of people) if (hues.has(one)) uses[hues.get(one)] += 1;
    for (const one of people.filter((each) => !hues.has(each))) {
      const hue = uses.indexOf(Math.min(...uses));
      hues.set(one, hue);
      uses[hue] += 1;
    }
  }
}
export const hueOf = (speaker) => hues.get(speaker) ?? 0;

/** `message`: { id, place, speaker, time, text, caption, revised }. */
export function messageItem(chat, message) {
  const on = message.time ? message.time.slice(0, 10) : "";
  const act = (event, change) => { event.stopPropagation(); change(chat, message); };
  return h("li", { tabindex: "-1", "data-id": message.id, "data-place": message.place, "data-day": on },
    h("h3", { class: "day" }, on ? day(on, { weekday: true }) : "Date unknown"),
    h("div", { class: "message", dir: direction(message.text) },
      h("p", { class: "speaker" }, h("span", { class: `speaker-name hue-${hueOf(message.speaker)}` }, name(message.speaker)), " ",
        h("time", { datetime: message.time, class: "note" }, clock(message.time)),
        message.revised ? h("span", { class: "revised" }, "corrected") : null,
        h("span", { class: "number", "aria-hidden": "true" })),
      said("p", { class: "text" }, message.text),
      message.caption ? said("p", { class: "caption" }, `photo: ${message.caption}`) : null,
      h("div", { class: "acts" },
        h("button", { type: "button", class: "link do-correct", onclick: (event) => act(event, correct) }, "Correct"),
        h("button", { type: "button", class: "link do-forget", onclick: (event) => act(event, forget) }, "Forget"))));
}
