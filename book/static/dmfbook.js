// MathJax makes every formula a stop of the Tab key. Only a box too narrow for its formula needs one,
// to be scrolled from the keyboard.
"use strict";

function setTabStops() {
  for (const box of document.querySelectorAll("mjx-container, span.math")) {
    box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1;
  }
}

if (window.MathJax) {
  MathJax.startup.promise.then(setTabStops);
  addEventListener("resize", setTabStops);
  // A formula in a closed proof has no width yet.
  addEventListener("toggle", setTabStops, { capture: true });
}
