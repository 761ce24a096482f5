// Calls of the HTTP API. An error is one line for a person; a missing token is asked for, and the call made again.

import { needToken } from "./token.js";
import { noTrouble, serverAnswered, serverGone, trouble } from "./banner.js";

export class Trouble extends Error {
  constructor(message, status = 0) { super(message); this.status = status; }
}

const MOST_BUSY_MS = 300_000;
const GONE = "The server does not answer. Is memoryqa serve still running?";

function headers(body) {
  const found = new Headers();
  const token = sessionStorage.getItem("memoryqa.token");
  if (token) found.set("Authorization", `Bearer ${token}`);
  if (body !== undefined) found.set("Content-Type", "application/json");
  return found;
}

/** The line of an error's body, in whichever form the server or a proxy writes it. */
function line(text, status) {
  try {
    const body = JSON.parse(text);
    const found = body.error?.message ?? body.error ?? body.detail;
    if (Array.isArray(found)) return found.map((one) => `${(one.loc || []).slice(1).join(".")}: ${one.msg}`).join("; ");
    if (typeof found === "string") return found;
  } catch { /* not JSON: the status has to do */ }
  return `The server answered ${status}.`;
}

/** Wait, unless nobody waits any more. */
const pause = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, seconds * 1000);
  signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); });
});

/** When a server that is busy asks to be asked again, in seconds; it has done nothing then. */
const comeAgain = (response) => (response.status === 503 ? Number(response.headers.get("Retry-After")) : 0);

async function request(path, { method = "GET", body, signal } = {}) {
  const began = performance.now();
  let wasBusy = false;
  for (;;) {
    let response;
    try {
      response = await fetch(path, { method, headers: headers(body), body: body === undefined ? undefined : JSON.stringify(body), signal, cache: "no-store" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      serverGone();
      throw new Trouble(GONE);
    }
    serverAnswered();
    if (response.status === 401) {
      await needToken(sessionStorage.getItem("memoryqa.token") !== null);
      continue;
    }
    if (comeAgain(response) && performance.now() - began < MOST_BUSY_MS) {
      trouble(line(await response.text(), response.status));
      wasBusy = true;
      await pause(comeAgain(response), signal);
      continue;
    }
    if (wasBusy) noTrouble();
    if (!response.ok) throw new Trouble(line(await response.text(), response.status), response.status);
    return response;
  }
}

export async function call(path, options) {
  return (await request(path, options)).json();
}

/** The events of a streamed reply: { event, data }. */
export async function* events(path, options) {
  const response = await request(path, options);
  yield* parsed(response.body);
}

async function* parsed(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read().catch((error) => {
      if (error.name === "AbortError") throw error;
      throw new Trouble("The server broke off. Try again.");
    });
    text += value ?? "";
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop();
    for (const block of blocks) {
      let event = "message";
      const data = [];
      for (const written of block.split(/\r?\n/)) {
        if (written.startsWith("event:")) event = written.slice(6).trim();
        else if (written.startsWith("data:")) data.push(written.slice(5).replace(/^ /, ""));
      }
      if (data.length) yield { event, data: JSON.parse(data.join("\n")) };
    }
    if (done) return;
  }
}

/** Send a form with a file. `sent` is called with the share that has been sent, 0 to 1. Gives the reply as JSON. */
export async function upload(path, form, { sent = () => {}, signal } = {}) {
  for (;;) {
    const { status, text } = await posted(path, form, sent, signal);
    if (status === 401) {
      await needToken(sessionStorage.getItem("memoryqa.token") !== null);
      continue;
    }
    if (status >= 400) throw new Trouble(line(text, status), status);
    return JSON.parse(text);
  }
}

function posted(path, form, sent, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not say how much has been sent
    request.open("POST", path);
    for (const [key, value] of headers()) request.setRequestHeader(key, value);
    request.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total);
    request.onload = () => { serverAnswered(); resolve({ status: request.status, text: request.responseText }); };
    request.onerror = () => { serverGone(); reject(new Trouble(GONE)); };
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
