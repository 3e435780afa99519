"use strict";

// Statements that have all words of the query, before the pages that Sphinx finds. Words in the title count most.
{
  const query = new URLSearchParams(location.search).get("q") ?? "";
  const plain = (text) => text.toLowerCase().replace(/[αβγδεηκλμρσω]/g, (letter) => GREEK[letter] + " ");
  const GREEK = {
    α: "alpha", β: "beta", γ: "gamma", δ: "delta", ε: "varepsilon", η: "eta",
    κ: "kappa", λ: "lambda", μ: "mu", ρ: "rho", σ: "sigma", ω: "omega",
  };
  const split = (text) => plain(text).match(/[\p{L}\p{N}]+/gu) ?? [];
  const sought = split(query);

  const score = (entry) => {
    const title = split(entry.name);
    const all = [...title, ...split(entry.text), ...split(entry.page)];
    const starts = (list, word) => list.some((each) => each.startsWith(word));
    if (!sought.length || !sought.every((word) => starts(all, word))) return 0;
    return 1 + sought.filter((word) => starts(title, word)).length;
  };

  const found = STATEMENTS.map((entry) => [score(entry), entry])
    .filter(([points]) => points > 0)
    .sort(([a], [b]) => b - a);
  if (found.length) {
    const list = document.createElement("ul");
    list.className = "statement-results";
    for (const [, { name, address, page }] of found.slice(0, 20)) {
      const link = document.createElement("a");
      link.href = document.documentElement.dataset.content_root + address;
      link.textContent = name;
      const item = document.createElement("li");
      item.append(link, `, in ${page}`);
      list.append(item);
    }
    const heading = document.createElement("h2");
    heading.textContent = found.length > 20 ? `20 of ${found.length} statements` : "Statements";
    document.getElementById("search-results").before(heading, list);
  }
}
