// The form that asks for the token, at the start and whenever the server refuses it.

import { tryToken, whenLocked } from "./client.js";

const by = (id) => document.getElementById(id);

// start is called with a new token; stop when one is refused in the middle of the work.
export function onLogin(start, stop) {
  whenLocked((error) => {
    // the first time nobody has done anything wrong
    if (!by("login").hidden || !by("main").hidden) by("login-hint").textContent = error.message;
    by("login").hidden = false;
    // what is on the page stays
    stop();
    by("token").focus();
    if (error.wait) pause(error.wait);
  });
  by("login").addEventListener("submit", (event) => {
    event.preventDefault();
    // Enter works where the button does not
    if (by("continue").disabled) return;
    try {
      tryToken(by("token").value.trim());
    } catch (error) {
      by("login-hint").textContent = error.message;
      by("token").focus();
      return;
    }
    start();
  });
}

function pause(seconds) {
  const until = Date.now() + 1000 * seconds;
  if (by("continue").disabled) return;
  const show = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    by("continue").disabled = left > 0;
    by("continue").textContent = left > 0 ? `Continue (in ${left} s)` : "Continue";
    if (left > 0) setTimeout(show, 500);
    else by("login-hint").textContent = "Try again.";
  };
  show();
}
