"use strict";
// Sends forms without leaving the page, and replaces the changing part when the workspace changed. Without script the
// page works too: forms then load it anew.
const region = () => document.getElementById("changing");

// What a person has typed or opened survives a replacement, unless the modal itself is another one.
function kept() {
  const place = (field) => {
    const modal = field.closest(".modal");
    return (modal ? modal.id + modal.dataset.hash : "") + "/" + (field.id || field.name + field.value);
  };
  const fields = new Map();
  for (const f of region().querySelectorAll("input:not([type=hidden]), textarea, select")) {
    fields.set(place(f), f.type === "checkbox" ? f.checked : f.value);
  }
  const open = [...region().querySelectorAll("details[open][id]")].map((d) => d.id);
  const focus = region().contains(document.activeElement) ? place(document.activeElement) : null;
  return () => {
    for (const f of region().querySelectorAll("input:not([type=hidden]), textarea, select")) {
      const at = place(f);
      if (fields.has(at)) {
        if (f.type === "checkbox") f.checked = fields.get(at); else f.value = fields.get(at);
      }
      if (at === focus) f.focus();
    }
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  };
}

function replace(text) {
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("changing");
  if (!fresh) return;
  const bottom = window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
  const restore = kept();
  region().replaceWith(fresh);
  restore();
  if (bottom) window.scrollTo(0, document.body.scrollHeight);
}

document.addEventListener("submit", async (event) => {
  const form = event.target, button = event.submitter;
  const action = button?.getAttribute("formaction") || form.getAttribute("action");
  if (action === "/act/home") return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form));
  if (button?.name) fields.set(button.name, button.value);
  if (form.matches(".composer")) form.querySelector("input[type=text]").value = "";
  const answer = await fetch(action, { method: "POST", body: fields, redirect: "manual" });
  if (answer.status >= 400) alert(await answer.text());
});

(async () => {
  for (;;) {
    const here = new URLSearchParams(location.search);
    for (const name of ["as", "at"]) {
      const field = document.querySelector(`nav input[name=${name}]`);
      if (field) here.set(name, field.value);
    }
    here.set("seen", region().dataset.version);
    try {
      const answer = await fetch("/news?" + here);
      if (answer.status === 200) replace(await answer.text());
    } catch {
      await new Promise((again) => setTimeout(again, 2000));
    }
  }
})();
