// A table that is wider than the screen scrolls by the keyboard, too. The theme wraps tables when the page is read.
addEventListener("load", () => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap")) box.tabIndex = 0;
});
