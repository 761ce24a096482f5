// Keys and links; and then the page starts.

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.matches("input, select, textarea");
  const inList = event.target === $("list");
  const move = (by) => { select(selected + by); if (opened !== null && shown.length) open(shown[selected]); };
  if (event.key === "Escape") {
    if (typing) $("list").focus();
    else if (opened !== null) close();
  } else if (typing) return;
  else if (event.key === "/") $("search").focus();
  else if (event.key === "j" || (inList && event.key === "ArrowDown")) move(1);
  else if (event.key === "k" || (inList && event.key === "ArrowUp")) move(-1);
  else if (event.key === "Enter" && !event.target.matches("button, a")) { if (shown.length) open(shown[selected], true); else return; }
  else return;
  event.preventDefault();
});

function decoded(text) {
  try { return decodeURIComponent(text); } catch { return text; } // a link that was cut
}

// A link is #program/question or #question; it opens the question and scrolls to it.
function followHash() {
  if (!location.hash) { if (opened !== null) close(); return; }
  const target = decoded(location.hash.slice(1));
  const named = (id) => questions.find((one) => one.id === id);
  const prefix = data.programs.find((name) => target.startsWith(`${name}/`) && named(target.slice(name.length + 1)));
  const q = prefix === undefined ? named(target) : named(target.slice(prefix.length + 1));
  if (!q) return;
  const program = prefix === undefined ? currentProgram() : prefix;
  if (opened !== q || currentProgram() !== program) {
    selects.program.value = program;
    opened = null;
    apply();
    if (shown.includes(q)) select(shown.indexOf(q));
    open(q, false, true);
  }
  $("panes").scrollIntoView();
}

buildFilters();
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("filters").addEventListener("reset", (event) => { event.preventDefault(); $("search").value = ""; clear(); apply(); });
$("search").addEventListener("input", apply);
$("list").addEventListener("scroll", () => requestAnimationFrame(draw));
window.addEventListener("resize", draw);
window.addEventListener("hashchange", followHash);
for (const id of ["filters", "panes", "keys"]) $(id).hidden = false;
apply();
followHash();
