// Adding an export: picked or dropped, sent, read while one watches, with what was left out and why.

import { $, announce, count, counted, h, joined, name, span } from "./dom.js";
import { plain, titleOf } from "./formats.js";
import { changed } from "./state.js";
import { addExport } from "./memory.js";
import { openAt } from "./reader.js";

const ORDERS = { dmy: "Day first", mdy: "Month first", ymd: "Year first" };
const dialog = $("import-dialog");
let stop = null;

export const pickExport = () => $("file").click();
$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (file) add(file);
});

function draw(...parts) {
  $("import-body").replaceChildren(...parts.flat().filter(Boolean));
  if (!dialog.open) dialog.showModal();
}
const heading = (...words) => h("h2", { id: "import-title" }, ...words);
const button = (words, style, onclick) => h("button", { type: "button", class: style, onclick }, words);

/** Send a file and show its reading. `options`: what its owner was asked, such as the order of dates. */
async function add(file, options = {}) {
  const bar = h("progress", { max: "1", "aria-label": "Progress" });
  const note = h("p", { class: "note", role: "status" }, "Sending…");
  const figures = h("dl", { class: "figures" });
  stop = new AbortController();
  const leave = button("Stop", "secondary", () => { stop.abort(); dialog.close(); });
  draw(heading("Reading ", name(file.name)), bar, note, figures, h("div", { class: "actions" }, leave));
  try {
    const report = await addExport(file, options, {
      signal: stop.signal,
      sent: (share) => {
        bar.value = share;
        if (share < 1) return;
        note.textContent = "Reading…";
        bar.removeAttribute("value");
        leave.textContent = "Hide"; // it is read to its end whether one watches or not
      },
      read: ({ state, messages, people, days, share }) => {
        note.textContent = state === "adding" ? "Adding to memory…" : "Reading…";
        showFigures(figures, { messages, people: people || NaN, days: days || NaN });
        if (share) bar.value = share;
      },
    });
    done(file, report);
  } catch (error) {
    if (error.name !== "AbortError") failed(file, error, options);
  }
}

function showFigures(list, { messages, people, days }) {
  const pairs = [["messages", messages], ["people", people], ["days", days]].filter(([, value]) => Number.isFinite(value));
  list.replaceChildren(...pairs.map(([what, value]) => h("div", {}, h("dt", {}, what), h("dd", {}, count(value)))));
}

/** `report`: { chats: [name], added, known, report: the importer's } of what was read. */
function done(file, { chats, added, known, report }) {
  const figures = h("dl", { class: "figures" });
  showFigures(figures, { messages: report.messages, people: Object.keys(report.people).length, days: report.days });
  const people = Object.entries(report.people).slice(0, 8).map(([who, messages]) => h("span", {}, name(who), ` ${count(messages)}`));
  const leftOut = Object.entries(report.skipped);
  draw(heading(h("span", {}, "Read ", name(file.name))),
    h("p", { class: "note" }, `${report.format}, ${span(report.first_day, report.last_day)}`), figures,
    h("p", {}, people.flatMap((one, at) => (at ? [" · ", one] : [one]))),
    known ? h("p", {}, added ? `${counted(added, "message")} new; ${count(known)} were here already.` : "All of it was here already.") : null,
    leftOut.length || report.notes.length ? h("h3", {}, "What was left out or assumed") : null,
    h("ul", { class: "left-out" }, leftOut.map(([why, how]) => h("li", {}, h("b", {}, count(how)), " ", name(why))), report.notes.map((one) => h("li", {}, name(plain(one))))),
    h("div", { class: "actions" },
      chats.length === 1 ? button("Read it", "secondary", () => { dialog.close(); openAt(chats[0], null); }) : null,
      button("Ask about it", "primary", () => { dialog.close(); $("question").focus(); })));
  announce(`Read ${counted(report.messages, "message")} of ${joined(Object.keys(report.people).slice(0, 5))}`);
  dialog.querySelector(".primary").focus();
  changed("memory");
}

function failed(file, error, options) {
  const orders = [...new Set([...error.message.matchAll(/dates=(dmy|mdy|ymd)/g)].map((match) => match[1]))];
  if (orders.length > 1 && !options.dates) { askOrder(file, error, options, orders); return; }
  const known = error.message.match(/no export that is known \(([^)]+)\)/)?.[1].split(", ");
  if (known && !options.format) { askFormat(file, options, known); return; }
  draw(heading(name(file.name), " could not be read"), h("p", { class: "error", role: "alert", dir: "auto" }, plain(error.message)),
    h("div", { class: "actions" }, button("Close", "secondary", () => dialog.close()), button("Choose another file", "primary", () => { dialog.close(); pickExport(); })));
}

/** It is no export that is known by its content. */
function askFormat(file, options, known) {
  const format = h("select", { id: "format", onchange: () => { read.disabled = !format.value; } },
    h("option", { value: "" }, "Choose one"), known.map((one) => h("option", { value: one }, titleOf(one))));
  const read = button("Read it as that", "primary", () => add(file, { ...options, format: format.value }));
  read.disabled = true;
  draw(heading(name(file.name), " could not be read"),
    h("p", { class: "error", role: "alert" }, name(file.name), " is no export that is known: nothing in it says of which app it is."),
    h("label", { class: "field", for: "format" }, "If you know which, say so"), format,
    h("div", { class: "actions" },
      button("Close", "secondary", () => dialog.close()),
      button("Choose another file", "secondary", () => { dialog.close(); pickExport(); }), read));
}

/** Its dates can be read in several ways: 12 May 2023 (`dates=dmy`) or 5 December 2023 (`dates=mdy`). */
function askOrder(file, error, options, orders) {
  const meant = (order) => error.message.match(new RegExp(`(\\d{1,2} [A-Z][a-z]+ \\d{4}) \\(.?dates=${order}.?\\)`))?.[1];
  draw(heading("Which day is meant?"),
    h("p", {}, "The dates in ", name(file.name), " can be read in more than one way, and nothing in it says which."),
    h("div", { class: "actions" }, orders.map((order) => button(meant(order) ? `${ORDERS[order]}: ${meant(order)}` : ORDERS[order], "secondary", () => add(file, { ...options, dates: order })))));
  dialog.querySelector(".actions button").focus();
}

// -- dropping ---------------------------------------------------------------------------------------------------------

let over = 0; // nested enters and leaves
const hasFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
document.addEventListener("dragenter", (event) => { if (hasFile(event)) { over += 1; $("drop").hidden = false; } });
document.addEventListener("dragleave", (event) => { if (hasFile(event) && (over -= 1) <= 0) { over = 0; $("drop").hidden = true; } });
document.addEventListener("dragover", (event) => { if (hasFile(event)) event.preventDefault(); });
document.addEventListener("drop", (event) => {
  if (!hasFile(event)) return;
  event.preventDefault();
  over = 0;
  $("drop").hidden = true;
  const [file] = event.dataTransfer.files;
  if (file) add(file);
});
