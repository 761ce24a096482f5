// The calls of the API that the page makes, by what they mean.

import { Trouble, call, events, upload } from "./api.js";

const MOST_BROKEN = 6; // streams of one import
const at = (chat) => `v1/chats/${encodeURIComponent(chat)}`;
const message = (chat, id) => `${at(chat)}/messages/${encodeURIComponent(id)}`;

export const chats = () => call("v1/chats");
export const people = (names) => call("v1/people", { method: "POST", body: { chats: names } });
export const days = (chat) => call(`${at(chat)}/days`);
export const messages = (chat, which) => call(`${at(chat)}/messages?${new URLSearchParams(which)}`);
export const search = (question, how, options) => call("v1/search", { ...options, method: "POST", body: { question, ...how } });
export const ask = (question, how, options) => events("v1/ask", { ...options, method: "POST", body: { question, ...how } });
export const correctMessage = (chat, id, text, keepRevision) =>
  call(message(chat, id), { method: "PATCH", body: { text, keep_revision: keepRevision } });
export const revisions = async (chat, id) => (await call(`${message(chat, id)}/revisions`)).revisions;
export const wouldForget = (chat, what, options) => call(`${at(chat)}/would-forget?limit=3`, { ...options, method: "POST", body: what });
export const forgetMessages = (chat, what) => call(`${at(chat)}/forget`, { method: "POST", body: what });

/** Send an export and follow its reading; gives { chats, added, known, report }. */
export async function addExport(file, options, { signal, sent, read }) {
  const form = new FormData();
  for (const [key, value] of Object.entries(options)) form.set(key, value);
  form.set("file", file);
  const job = await upload("v1/import", form, { signal, sent });
  for (let broken = 0; broken < MOST_BROKEN; broken += 1) {
    const ended = await watched(job.id, read);
    if (ended) return ended;
    await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** broken)); // the import goes on meanwhile
  }
  throw new Trouble("The server broke off. Import the same file again: what is here already is not added twice.");
}

/** The result of an import, watched to its end; null when the stream broke off before. */
async function watched(id, read) {
  try {
    for await (const { event, data } of events(`v1/imports/${id}/events`)) {
      if (event === "done") return data.result;
      if (event === "failed") throw new Trouble(data.problem, 422);
      read(data);
    }
  } catch (error) {
    if (error.status) throw error;
  }
  return null;
}
