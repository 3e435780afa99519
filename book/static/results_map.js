"use strict";

// What a result rests on, and what rests on it, while it is pointed at or has the focus.
for (const map of document.querySelectorAll(".results-map")) {
  const dots = new Map([...map.querySelectorAll("a[data-label]")].map((dot) => [dot.dataset.label, dot]));
  const uses = new Map([...dots].map(([label, dot]) => [label, dot.dataset.uses.split(" ").filter(Boolean)]));
  const users = new Map([...dots.keys()].map((label) => [label, []]));
  uses.forEach((used, label) => used.forEach((each) => users.get(each).push(label)));
  const said = map.nextElementSibling;

  const reached = (start, next) => {
    const found = new Set([start]);
    for (const label of found) next.get(label).forEach((each) => found.add(each));
    return found;
  };

  const show = (label) => {
    const below = reached(label, uses);
    const above = reached(label, users);
    map.classList.add("chosen");
    dots.forEach((dot, each) => dot.classList.toggle("on", below.has(each) || above.has(each)));
    for (const line of map.querySelectorAll("path")) {
      const { used, user } = line.dataset;
      line.classList.toggle("on", [below, above].some((set) => set.has(used) && set.has(user)));
    }
    const title = dots.get(label).querySelector("title").textContent;
    said.textContent = `${title}; rests on ${below.size - 1} results, and ${above.size - 1} rest on it.`;
  };
  const clear = () => map.classList.remove("chosen");

  dots.forEach((dot, label) => {
    dot.addEventListener("pointerenter", () => show(label));
    dot.addEventListener("focus", () => show(label));
    dot.addEventListener("pointerleave", clear);
    dot.addEventListener("blur", clear);
  });
}
