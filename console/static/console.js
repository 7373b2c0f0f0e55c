// What is nicer with script: live counts, passwords made and copied, keys. Every page and form works without it.
"use strict";

document.documentElement.classList.add("script");

// Live counts: one stream for the table's accounts; events as console/pages/live.py writes them.
function followCounts(table) {
  const away = document.getElementById("live-away");
  const stream = new EventSource("/accounts/live?ids=" + table.dataset.live);
  const setAway = (isAway) => { if (away) away.hidden = !isAway; };
  stream.addEventListener("away", () => setAway(true));
  stream.addEventListener("over", () => stream.close());
  stream.addEventListener("counts", (event) => {
    setAway(false);
    for (const [id, shown] of Object.entries(JSON.parse(event.data).rows)) showCounts(id, shown);
  });
  window.addEventListener("pagehide", () => stream.close());
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

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
});

// "/" and "n" as base.html says; never while something is being typed.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, [contenteditable]")) return;
  const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (wanted) {
    event.preventDefault();
    if (wanted.matches("a, button")) wanted.click();
    else { wanted.focus(); wanted.select(); }
  } else if (event.key === "/") {
    event.preventDefault();
    location.assign("/accounts#f-q");
  } else if (event.key === "n") {
    location.assign("/accounts/new");
  }
});

document.addEventListener("DOMContentLoaded", () => {
  const table = document.querySelector("table[data-live]");
  if (table && table.dataset.live) followCounts(table);
  if (location.hash === "#f-q") document.getElementById("f-q")?.focus();
});
