// Where the theme's roles say something that is not so, to those who listen to the page.
"use strict";

// Before the theme's own scripts, which read these names once.
document.addEventListener("readystatechange", () => {
  if (document.readyState !== "interactive") return;
  // A button's name begins with what is written on it, or those who speak to their computer do not get there.
  document.querySelectorAll("button.search-button-field").forEach((button) => {
    button.setAttribute("aria-label", button.textContent.trim().replace(/\s+/g, " "));
  });
  // Each icon of this button has a name of its own, which is none of the button's.
  document.querySelectorAll("i.theme-switch").forEach((icon) => icon.removeAttribute("title"));
});

document.addEventListener("DOMContentLoaded", () => {
  // A list whose children are no list items, and a role that the standard has given up.
  document.querySelectorAll(".citation-list, .citation").forEach((part) => part.removeAttribute("role"));
  // The book's title stands outside of every landmark.
  const side = document.querySelector("div.bd-sidebar-primary");
  if (side && !side.hasAttribute("role")) {
    side.setAttribute("role", "complementary");
    side.setAttribute("aria-label", "The book and its pages");
  }
});

// What is folded away, as paper names it. A page's setup is long and teaches nothing: it stays folded.
function onPaper(summary) {
  const shown = summary.querySelector(".collapsed");
  return shown ? shown.textContent.replace(/^Show (the )?(.)/, (_, the, first) => first.toUpperCase()) : "";
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("details.hide > summary").forEach((summary) => {
    // The theme's label hides the words that everybody sees from those who listen.
    summary.removeAttribute("aria-label");
    const name = onPaper(summary);
    const setup = name.startsWith("Setup");
    summary.parentElement.classList.toggle("left-out", setup);
    summary.dataset.paper = setup ? `${name}: left out here, it is in the page's notebook` : name;
  });
});

let beforePaper = null;

window.addEventListener("beforeprint", () => {
  const folded = [...document.querySelectorAll("details:not([open], .left-out)")];
  beforePaper = { theme: document.documentElement.dataset.theme, folded };
  document.documentElement.dataset.theme = "light";
  folded.forEach((part) => { part.open = true; });
});

window.addEventListener("afterprint", () => {
  if (beforePaper === null) return;
  document.documentElement.dataset.theme = beforePaper.theme;
  beforePaper.folded.forEach((part) => { part.open = false; });
  beforePaper = null;
});
