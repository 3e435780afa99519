// Collapse: what weight decay leaves of each singular value of a target, with two layers and with more.
"use strict";

(() => {
  const forms = dmfbook.closedForms;
  const { Plot } = dmfbook.drawing;
  const { dictionary, list, register, shown } = dmfbook.frame;

  const VALUES = [2, 1.6, 1.2, 0.8, 0.4];
  const HIGHEST = 2.2;
  const POINTS = 60; // of a line
  const WORDS = ["none", "one", "two", "three", "four", "five"];

  /** @type {(reg: number, depth: number) => number[]} */
  const kept = (reg, depth) => VALUES.map((value) => forms.shrink(value, reg, depth));
  const count = (values) => values.filter((value) => value > 0).length;

  /** @type {Map<number, number[][][]>} Lines of each depth, which a film shows in every frame. */
  const known = new Map();

  /** @type {(depth: number, range: [number, number]) => number[][][]} What is kept of each value at many weights. */
  function lines(depth, [low, high]) {
    if (!known.has(depth)) {
      const line = (value) => {
        // Just before the end, where rounding may have it either way.
        const end = Math.min(forms.criticalReg(value, depth) * (1 - 1e-9), high);
        const weights = Array.from({ length: POINTS }, (_, i) => low + ((end - low) * i) / (POINTS - 1));
        return weights.map((weight) => [weight, forms.shrink(value, weight, depth)]);
      };
      known.set(depth, VALUES.map(line));
    }
    return known.get(depth);
  }

  /** One line for each value against the weight: what is past is strong, what is to come is faint. */
  function panel({ reg, depth }, range) {
    const now = kept(reg, depth).map((value) => [reg, value]);
    const plot = new Plot(
      `What ${depth} layers keep of five singular values, against the weight: each leaves ` +
        `${depth > 2 ? "with a jump" : "without a jump"}, the smallest first. At the weight ${reg} they keep ` +
        `${now.map(([, value]) => shown(value)).join(", ")}.`,
      { range, label: "weight λ" },
      { range: [0, HIGHEST], label: `kept by ${depth} layers` },
    );
    lines(depth, range).forEach((line, i) => {
      const past = line.filter(([weight]) => weight <= reg);
      const isKept = now[i][1] > 0;
      plot.curve(line, "muted thin").curve(isKept ? [...past, now[i]] : past, "blue");
      const [end, last] = line[POINTS - 1];
      if (depth > 2 && end < range[1]) {
        plot.curve([[end, last], [end, 0]], `${isKept ? "muted" : "blue"} dotted`);
      }
    });
    return plot
      .vertical(reg, "muted dotted")
      .dots(now.filter(([, value]) => value > 0), "vermilion")
      .dots(now.filter(([, value]) => value === 0), "hollow vermilion")
      .handle("reg", [reg, HIGHEST], (weight) => ({ reg: weight }));
  }

  /** @type {Explorer} */
  const collapse = {
    controls: [
      { name: "reg", label: "weight λ", start: 0.3, min: 0.005, max: 1, step: 0.005 },
      { name: "depth", label: "depth L", start: 4, min: 3, max: 12, step: 1 },
    ],
    film: { name: "reg", seconds: 8 },

    numbers({ reg, depth }) {
      return {
        "singular values": VALUES,
        "kept by 2 layers": kept(reg, 2),
        [`kept by ${depth} layers`]: kept(reg, depth),
        "critical weights, 2 layers": VALUES.map((value) => forms.criticalReg(value, 2)),
        [`critical weights, ${depth} layers`]: VALUES.map((value) => forms.criticalReg(value, depth)),
      };
    },

    sentence({ reg, depth }) {
      const [two, more] = [2, depth].map((layers) => WORDS[count(kept(reg, layers))]);
      return `At the weight ${reg} two layers keep ${two} of the five values, ${depth} layers ${more}.`;
    },

    plots(state) {
      const { min, max } = collapse.controls[0];
      return [2, state.depth].map((depth) => panel({ ...state, depth }, [min, max]));
    },

    python({ reg, depth }) {
      return [
        "import dmfbook as dmf",
        "",
        `values, reg, depth = ${list(VALUES)}, ${reg}, ${depth}`,
        ...dictionary({
          "singular values": "values",
          "kept by 2 layers": "dmf.shrink(values, reg, 2)",
          [`kept by ${depth} layers`]: "dmf.shrink(values, reg, depth)",
          "critical weights, 2 layers": "dmf.critical_reg(values, 2)",
          [`critical weights, ${depth} layers`]: "dmf.critical_reg(values, depth)",
        }),
      ];
    },
  };

  register("collapse", collapse);
})();
