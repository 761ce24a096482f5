// Starts the page and joins its parts.

import { $, isNarrow } from "./dom.js";
import { noTrouble, trouble } from "./banner.js";
import { daysChanged, readTimeline } from "./timeline.js";
import { again, askNow, citedChanged, openCitation, setMode, setQuestion } from "./asking.js";
import { close as closeReader, follow, redraw } from "./reader.js";
import { readChats } from "./chats.js";
import { place } from "./place.js";
import { state, watch } from "./state.js";
import { pickExport } from "./importing.js";

async function readAll() {
  daysChanged();
  await readChats();
  await readTimeline();
}

async function followAddress({ focus = true } = {}) {
  const { q, mode } = place();
  if (q && q !== state.question && state.chats.length) {
    setMode(mode ?? "ask");
    setQuestion(q);
    await askNow({ history: false, kept: "only" });
  }
  await follow({ focus });
}

async function start() {
  try {
    await readAll();
    await followAddress({ focus: false });
  } catch (error) { trouble(error.message); }
}

const showRail = $("show-rail");
function rail(isShown) {
  document.body.classList.toggle("show-rail", isShown);
  showRail.setAttribute("aria-expanded", String(isShown));
  if (isShown) [...$("rail").querySelectorAll("input, button")].find((one) => !one.hidden)?.focus();
}

/** Close the topmost thing that is open; false when there is none. */
function closeTopmost() {
  if (document.body.classList.contains("show-rail")) { rail(false); showRail.focus(); return true; }
  return closeReader();
}

/** The other keys mean something again. */
function leaveQuestion(event) { if (event.target === $("question")) $("main").focus({ preventScroll: true }); }

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") { if (event.isComposing) return; if (closeTopmost()) event.preventDefault(); else { noTrouble(); leaveQuestion(event); } return; }
  if (event.target.closest("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    if (isNarrow()) closeReader();
    $("question").focus();
    $("question").select();
  } else if (event.key === "?") $("help-dialog").showModal();
  else if (!/^[1-9]$/.test(event.key) || !openCitation(Number(event.key))) return;
  event.preventDefault();
});
$("help").addEventListener("click", () => $("help-dialog").showModal());
showRail.addEventListener("click", () => rail(!document.body.classList.contains("show-rail")));
$("add").addEventListener("click", pickExport);
$("empty-add").addEventListener("click", pickExport);
window.addEventListener("popstate", () => followAddress());
window.addEventListener("hashchange", () => followAddress());
document.addEventListener("server-back", () => { if (!state.chats.length) start(); });
watch("scope", () => { readTimeline().catch((error) => trouble(error.message)); again(); });
watch("memory", async () => {
  try {
    await readAll();
    await Promise.all([again(), redraw()]);
  } catch (error) { trouble(error.message); }
});
watch("line", citedChanged);
watch("opened", (chat) => { if (chat !== null) rail(false); });
start();
