// What the parts of the page share. `changed` calls those who watch.

export const state = {
  chats: [], // ChatSummary of each
  chosen: null, // names of the chats that are asked; null: all
  people: new Set(), // only what these said; empty: everyone
  since: "",
  until: "",
  question: "", // of what is shown
  found: null, // the lines of the last search
  cited: [], // {chat, id} of the answer, in order of their numbers
  reader: null, // who answers
};

const watchers = new Map();

export function watch(event, call) {
  watchers.set(event, [...(watchers.get(event) ?? []), call]);
}
export function changed(event, ...given) {
  for (const call of watchers.get(event) ?? []) call(...given);
}

export const chosenChats = () => state.chosen === null ? state.chats.map((one) => one.chat) : state.chats.map((one) => one.chat).filter((name) => state.chosen.has(name));
export const keyOf = (chat, id) => JSON.stringify([chat, id]);
/** The number of a citation, from 1; 0 for a line that is not cited. */
export const citation = (chat, id) => state.cited.findIndex((one) => one.id === id && one.chat === chat) + 1;
/** Where a line stands in its chat, by its id ("D8:6"), for comparing. */
export const order = (id) => { const [session, number] = id.slice(1).split(":").map(Number); return session * 1e7 + number; };
