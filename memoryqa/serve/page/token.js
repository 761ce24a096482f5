// Asks for the bearer token. It stays in this tab's session storage and nowhere else.

import { $ } from "./dom.js";

let asking = null;

/** Resolves once a token has been entered; all calls that wait for one share the dialog. */
export function needToken(wasRefused) {
  asking ??= new Promise((resolve) => {
    const dialog = $("token-dialog");
    $("token-error").hidden = !wasRefused;
    $("token-error").textContent = "That token was not accepted. Copy it again from where the server was started.";
    $("token").value = "";
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    $("token-form").onsubmit = () => {
      sessionStorage.setItem("memoryqa.token", $("token").value.trim());
      asking = null;
      resolve();
    };
    dialog.showModal();
  });
  return asking;
}
