// The scalar landscape: loss and global minimizer of (m − w^L)² + λ L w².
"use strict";

(() => {
  const forms = dmfbook.closedForms;
  const { Plot } = dmfbook.drawing;
  const { dictionary, register, shown } = dmfbook.frame;

  /** @type {Explorer} */
  const landscape = {
    controls: [
      { name: "target", label: "target m", start: 1, min: 0.05, max: 4, step: 0.01 },
      { name: "reg", label: "weight λ", start: 0.3, min: 0.01, max: 3, log: true },
      { name: "depth", label: "depth L", start: 4, min: 2, max: 12, step: 1 },
    ],

    numbers({ target, reg, depth }) {
      const { smaller, larger } = forms.stationaryValues(target, reg, depth);
      const collapse = forms.collapseThreshold(reg, depth);
      const found = {
        "fold threshold": forms.foldThreshold(reg, depth),
        "collapse threshold": collapse,
        "critical weight": forms.criticalReg(target, depth),
        "height of the jump": (collapse * (depth - 2)) / (depth - 1),
        "global minimizer": forms.shrink(target, reg, depth),
      };
      if (!Number.isNaN(larger)) {
        if (!Number.isNaN(smaller)) found["smaller root"] = smaller;
        found["larger root"] = larger;
        found["loss at the larger root"] = forms.scalarLoss(larger, target, reg, depth);
      }
      found["loss at zero"] = target ** 2;
      return found;
    },

    sentence({ target, reg, depth }) {
      const fold = forms.foldThreshold(reg, depth);
      const collapse = forms.collapseThreshold(reg, depth);
      const kept = `of the target ${shown(target)} it keeps ${shown(forms.shrink(target, reg, depth))}`;
      if (depth === 2) {
        return target > reg
          ? `Zero is no minimum; the only one is positive, and ${kept}.`
          : "Zero is the only minimum: the target does not exceed the weight λ.";
      }
      if (target < fold) {
        return `Zero is the only minimum: the target is below the fold at ${shown(fold)}.`;
      }
      if (target < collapse) {
        return (
          "Zero is the global minimum. A positive one is left, which is not global: the target lies " +
          `between the fold at ${shown(fold)} and the collapse at ${shown(collapse)}.`
        );
      }
      return (
        `The positive minimum is global, and ${kept}. Zero is a minimum, too. At the collapse, ` +
        `${shown(collapse)}, what is kept would jump to zero.`
      );
    },

    plots(state) {
      const { target, reg, depth } = state;
      const { smaller, larger } = forms.stationaryValues(target, reg, depth);
      const loss = (w) => forms.scalarLoss(w, target, reg, depth);
      const width = 1.25 * target ** (1 / depth);
      const first = new Plot(
        `The loss against the factor. ${landscape.sentence(state)}`,
        { range: [0, width], label: "factor w" },
        { range: [0, 2 * target ** 2], label: "loss" },
      ).graph(loss, "blue");
      const isKept = forms.shrink(target, reg, depth) > 0;
      if (smaller < larger) first.dots([[smaller, loss(smaller)]], "hollow muted");
      if (!Number.isNaN(larger)) first.dots([[larger, loss(larger)]], isKept ? "vermilion" : "hollow vermilion");
      first.dots([[0, loss(0)]], isKept ? "hollow vermilion" : "vermilion");

      const fold = forms.foldThreshold(reg, depth);
      const collapse = forms.collapseThreshold(reg, depth);
      const most = Math.max(4, 1.2 * collapse);
      const local = (m) => forms.stationaryValues(m, reg, depth).larger ** depth;
      const kept = (m) => forms.shrink(m, reg, depth);
      const second = new Plot(
        `End-to-end value of the minimizer against the target: zero up to ${shown(collapse)}, then ` +
          "approaching the diagonal; dashed where a positive minimum is not global.",
        { range: [0, most], label: "target m" },
        { range: [0, most], label: "end-to-end value s" },
      )
        .curve([[0, 0], [most, most]], "muted dotted")
        .curve([[0, 0], [collapse, 0]], "blue")
        .curve([[collapse, 0], [collapse, kept(collapse)]], "blue dotted")
        .graph(kept, "blue", collapse, most);
      if (depth > 2) second.graph(local, "blue dashed", fold * (1 + 1e-9), collapse);
      second
        .dots([[target, kept(target)]], "vermilion")
        .handle("target", [target, 0], (m) => ({ target: m }));
      return [first, second];
    },

    python({ target, reg, depth }) {
      const { smaller, larger } = forms.stationaryValues(target, reg, depth);
      const entries = {
        "fold threshold": "dmf.fold_threshold(reg, depth)",
        "collapse threshold": "collapse",
        "critical weight": "dmf.critical_reg(target, depth)",
        "height of the jump": "dmf.shrink(collapse, reg, depth)",
        "global minimizer": "dmf.shrink(target, reg, depth)",
      };
      if (!Number.isNaN(smaller)) entries["smaller root"] = "smaller";
      if (!Number.isNaN(larger)) {
        entries["larger root"] = "larger";
        entries["loss at the larger root"] = "loss(larger)";
      }
      entries["loss at zero"] = "loss(0)";
      return [
        "import dmfbook as dmf",
        "",
        `target, reg, depth = ${target}, ${reg}, ${depth}`,
        "collapse = dmf.collapse_threshold(reg, depth)",
        "smaller, larger = dmf.stationary_values(target, reg, depth)",
        "",
        "",
        "def loss(w):",
        "    return (target - w**depth) ** 2 + reg * depth * w**2",
        "",
        "",
        ...dictionary(entries),
      ];
    },
  };

  register("landscape", landscape);
})();
