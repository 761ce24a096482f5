// One clear line at the top: what went wrong and what to do, and that the server is gone or back.

import { $, announce } from "./dom.js";

let isGone = false;
let timer = 0;
let wait = 2000;

export function trouble(message) {
  $("banner").textContent = message;
  $("banner").hidden = !message;
}

export function noTrouble() {
  if (!isGone) trouble("");
}

export function serverGone() {
  if (isGone) return;
  isGone = true;
  trouble("The server does not answer. Start memoryqa serve again; this page goes on by itself.");
  timer = setTimeout(look, wait);
}

export function serverAnswered() {
  if (!isGone) return;
  isGone = false;
  wait = 2000;
  clearTimeout(timer);
  trouble("");
  announce("The server answers again.");
  document.dispatchEvent(new CustomEvent("server-back"));
}

async function look() {
  try {
    await fetch("health", { cache: "no-store" });
    serverAnswered();
  } catch {
    wait = Math.min(wait * 1.5, 15000);
    timer = setTimeout(look, wait);
  }
}
window.addEventListener("offline", () => trouble("This device is offline. A server on this machine still answers."));
window.addEventListener("online", noTrouble);
