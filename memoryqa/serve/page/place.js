// What the address keeps: the question, the chat that is open and its line, so that reload and Back work.

const KEYS = ["q", "mode", "chat", "line"];

export function place() {
  const given = new URLSearchParams(location.hash.slice(1));
  return Object.fromEntries(KEYS.map((key) => [key, given.get(key)]));
}

/** Change some of the address; null takes a part away. `replace`: without a step for Back. */
export function go(changes, { replace = false } = {}) {
  const wanted = { ...place(), ...changes };
  const next = new URLSearchParams();
  for (const key of KEYS) if (wanted[key]) next.set(key, wanted[key]);
  const hash = next.size ? `#${next}` : location.pathname + location.search;
  if (`#${next}` === location.hash || (!next.size && !location.hash)) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
}
