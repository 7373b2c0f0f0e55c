// What is nicer with script: live counts, passwords made and copied, keys. Every page and form works without it.
"use strict";

document.documentElement.classList.add("script");

// Live counts: one stream for the table's accounts; events as console/pages/live.py writes them. Only a page that is
// seen holds one: a browser has six connections for a host, and a seventh tab would wait for ever.
const RETRY_MS = 5000;

function followCounts(table) {
  const url = "/accounts/live?ids=" + table.dataset.live;
  let stream = null;
  let isOver = false;

  // which: "away" (the daemon), "still" (the console), "over" (the session), or "" where numbers move
  const say = (which) => {
    for (const name of ["away", "still", "over"]) document.getElementById("live-" + name).hidden = name !== which;
    table.classList.toggle("still", which !== "");
  };
  const close = () => {
    if (stream) stream.close();
    stream = null;
    table.dataset.stream = "off";
  };
  const end = () => {
    isOver = true;
    close();
    say("over");
  };
  const open = () => {
    if (stream || isOver || document.visibilityState === "hidden") return;
    const opened = new EventSource(url);
    stream = opened;
    opened.addEventListener("open", () => { table.dataset.stream = "on"; });
    opened.addEventListener("away", () => say("away"));
    opened.addEventListener("over", end);
    opened.addEventListener("counts", (event) => {
      say("");
      for (const [id, shown] of Object.entries(JSON.parse(event.data).rows)) showCounts(id, shown);
    });
    opened.addEventListener("error", async () => {
      if (stream !== opened) return;
      say("still");
      if (opened.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      close();
      if (await isLoggedOut(url)) end();
      else setTimeout(open, RETRY_MS);
    });
  };
  document.addEventListener("visibilitychange", () => (document.visibilityState === "hidden" ? close() : open()));
  window.addEventListener("pagehide", close);
  open();
}

// Whether the console would send us to its login page: a stream that is refused does not say why.
async function isLoggedOut(url) {
  const asked = new AbortController();
  try {
    return (await fetch(url, { redirect: "manual", signal: asked.signal })).type === "opaqueredirect";
  } catch {
    return false;
  } finally {
    asked.abort();
  }
}

function showCounts(id, shown) {
  const row = document.getElementById("a-" + id);
  if (!row) return;
  for (const load of row.querySelectorAll("[data-side]")) {
    const now = shown ? shown[load.dataset.side] : null;
    const number = load.querySelector("b");
    const text = now === null ? "—" : now.toLocaleString("en");
    if (number.textContent !== text) {
      number.textContent = text;
      load.classList.remove("moved");
      void load.offsetWidth; // so that the same movement can be shown again
      load.classList.add("moved");
    }
    const meter = load.querySelector("meter");
    if (meter) meter.value = now || 0;
  }
  if (!shown) return;
  if (shown.last) row.querySelector("[data-last]").textContent = shown.last;
  row.querySelector("[data-marks]").innerHTML = shown.marks; // our own template, escaped there
}

// 120 bits as 20 letters and digits that no switch has to quote.
function newPassword() {
  return btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(15)))).replaceAll("+", "-").replaceAll("/", "_");
}

function see(button, isSeen) {
  document.getElementById(button.dataset.reveal).type = isSeen ? "text" : "password";
  button.setAttribute("aria-pressed", String(isSeen));
}

async function copy(button) {
  const source = document.getElementById(button.dataset.copy);
  const text = "value" in source ? source.value : source.textContent;
  if (!text) return;
  await navigator.clipboard.writeText(text);
  const word = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = word; }, 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.generate) {
    event.preventDefault();
    const input = document.getElementById(button.dataset.generate);
    input.value = newPassword();
    const toggle = document.querySelector(`[data-reveal="${button.dataset.generate}"]`);
    if (toggle) see(toggle, true);
    input.dispatchEvent(new Event("change", { bubbles: true }));
  } else if (button.dataset.reveal) {
    see(button, button.getAttribute("aria-pressed") !== "true");
  } else if (button.dataset.copy && navigator.clipboard) {
    copy(button);
  }
});

// What a change would do is asked while it is typed; until the answer is there, what is shown is of the value before.
function followEffect(form) {
  const effect = document.getElementById("effect");
  let typed = 0;
  let asked = 0;
  const outdate = () => {
    typed += 1;
    effect.setAttribute("aria-busy", "true");
    document.getElementById("verdict").textContent = "Looking…";
  };
  const fail = (event) => {
    if (event.detail.elt === form) document.getElementById("verdict").textContent = "Could not be looked up";
  };
  form.addEventListener("input", outdate);
  form.addEventListener("change", outdate);
  form.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.elt === form) asked = typed; });
  form.addEventListener("htmx:responseError", fail);
  form.addEventListener("htmx:sendError", fail);
  effect.addEventListener("htmx:beforeSwap", (event) => { if (asked !== typed) event.detail.shouldSwap = false; });
  effect.addEventListener("htmx:afterSwap", () => effect.removeAttribute("aria-busy"));
}

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
});

// "/" and "n": the page's own place for it, or the link at its foot; never while something is being typed.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (wanted) {
    event.preventDefault();
    if (wanted.matches("a, button")) wanted.click();
    else { wanted.focus(); wanted.select(); }
  }
});

document.addEventListener("DOMContentLoaded", () => {
  const table = document.querySelector("table[data-live]");
  if (table && table.dataset.live) followCounts(table);
  const form = document.querySelector("form.account[hx-post]");
  if (form) followEffect(form);
  if (location.hash === "#f-q") document.getElementById("f-q")?.focus();
});
