// Where the theme's roles say something that is not so, to those who listen to the page.
"use strict";

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
