// The hyperbola: gradient descent of two factors of the number one, as an orbit and over all steps.
"use strict";

(() => {
  const forms = dmfbook.closedForms;
  const { ASPECT, Plot } = dmfbook.drawing;
  const { dictionary, list, register, shown } = dmfbook.frame;

  // Another target m is a change of units: factors by √m, weights by m, steps by 1/m.
  const TARGET = 1;
  const STEPS = 10; // until then rounding errors stay small whatever the step
  const DRAWN = 60;
  const LONG = 3000;
  const FAR = 1e3;
  const CLOSE = 1e-5;
  const END = 2.2;
  const RANGES = { step: [0.02, 1.1], product: [-0.2, 2.4] };

  const isFar = (w) => !(Math.max(...w.map(Math.abs)) < FAR);
  const distance = (v, w) => Math.max(...v.map((value, i) => Math.abs(value - w[i])));
  const product = ([first, second]) => first * second;
  const run = ({ first, second, reg, step }, steps) =>
    forms.gradientDescent([first, second], TARGET, reg, step, steps);

  /** @type {(reg: number) => number} */
  function leastSharpness(reg) {
    return 4 * Math.max(TARGET - reg, reg);
  }

  /** @type {<A, B>(f: (argument: A) => B) => (argument: A) => B} The same function, which keeps its last value. */
  function remembered(f) {
    let [key, value] = [];
    return (argument) => {
      const asked = JSON.stringify(argument);
      if (asked !== key) [key, value] = [asked, f(argument)];
      return value;
    };
  }

  /** @type {(state: Object<string, number>) => {period: number, late: number[][]}} Period 0: no order; NaN: diverges. */
  const fate = remembered((state) => {
    const late = run(state, LONG).slice(-8);
    const last = late[late.length - 1];
    if (isFar(last)) return { period: NaN, late: [] };
    const returns = (period) => distance(last, late[late.length - 1 - period]) < CLOSE;
    return { period: [1, 2, 4].find(returns) ?? 0, late };
  });

  /** @type {(reg: number) => [number, number[]][]} Products that equal factors still meet late, for each step. */
  const diagram = remembered((reg) => {
    const [low, high] = RANGES.step;
    const value = 0.6 * Math.sqrt(TARGET - reg);
    return Array.from({ length: 270 }, (_, i) => {
      const step = low + ((i + 0.5) / 270) * (high - low);
      const late = run({ first: value, second: value, reg, step }, 500).slice(-40);
      return [step, isFar(late[39]) ? [] : late.map(product)];
    });
  });

  /** @type {Explorer} */
  const hyperbola = {
    controls: [
      { name: "step", label: "step η", start: 0.4, min: 0.02, max: 1.1, step: 0.005 },
      { name: "first", label: "start w₁", start: 1.6, min: -2, max: 2, step: 0.02 },
      { name: "second", label: "start w₂", start: 0.6, min: -2, max: 2, step: 0.02 },
      { name: "reg", label: "weight λ", start: 0, min: 0, max: 0.4, step: 0.01 },
    ],

    numbers(state) {
      const { step, first, second, reg } = state;
      const cycle = forms.twoCycle(TARGET, step, reg);
      const found = {
        "sharpness at the start": forms.pairSharpness([first, second], TARGET, reg),
        "sharpness of the flattest minimizer": leastSharpness(reg),
        "longest step that it bears": 2 / leastSharpness(reg),
      };
      if (!Number.isNaN(cycle.low)) {
        found["values of the two-cycle"] = [cycle.low, cycle.high];
        found["multiplier of the two-cycle"] = cycle.multiplier;
        found["multiplier of an imbalance"] = cycle.imbalanceMultiplier;
      }
      const early = run(state, STEPS);
      if (!early.some(isFar)) found[`factors after ${STEPS} steps`] = early[STEPS];
      return found;
    },

    sentence(state) {
      const { step, reg } = state;
      const bound = `Minimizers that hold a run have a sharpness of at most 2/η = ${shown(2 / step)}; `;
      const flattest = `the flattest has ${shown(leastSharpness(reg))}. `;
      const { period, late } = fate(state);
      const end = late[late.length - 1];
      const isBeyond = !Number.isNaN(forms.twoCycle(TARGET, step, reg).low);
      const said = {
        0: "This run finds no order.",
        2: isBeyond
          ? "This run goes round in two steps."
          : "This run comes to rest, but slowly: the step is at the edge.",
        4: "This run goes round in four steps.",
      };
      if (Number.isNaN(period)) return `${bound}${flattest}This run diverges.`;
      if (period !== 1) return bound + flattest + said[period];
      const sharpness = shown(forms.pairSharpness(end, TARGET, reg));
      return `${bound}${flattest}This run settles at (${end.map(shown).join(", ")}), with ${sharpness}.`;
    },

    plots(state) {
      const { step, first, second, reg } = state;
      const { period, late } = fate(state);
      const positive = TARGET - reg;
      const plane = new Plot(
        `The plane of both factors with the hyperbola and the run. ${hyperbola.sentence(state)}`,
        { range: [-END * ASPECT, END * ASPECT], label: "factor w₁" },
        { range: [-END, END], label: "factor w₂" },
      )
        .graph((w) => TARGET / w, "muted", (1 + 1e-9) * TARGET / END, END * ASPECT)
        .graph((w) => TARGET / w, "muted", -END * ASPECT, -(1 + 1e-9) * TARGET / END);
      const early = run(state, DRAWN).filter((w) => !isFar(w));
      plane.curve(early, "blue thin").dots(early, "blue", 1.6);
      if (reg > 0) {
        const value = Math.sqrt(positive);
        plane.dots([[value, value], [-value, -value]], "hollow muted");
      }
      plane
        .dots(late, "vermilion", 4)
        .handle("start", [first, second], (x, y) => ({ first: x, second: y }));

      const over = new Plot(
        "Products of two equal factors that runs still meet after 500 steps, against the step: one " +
          "value up to the edge, then two, four, and no order; nothing where runs diverge.",
        { range: RANGES.step, label: "step η" },
        { range: RANGES.product, label: "product w₂w₁, late" },
      )
        .specks(diagram(reg))
        .graph(() => positive, "green thin");
      for (const value of ["low", "high"]) {
        over.graph((x) => forms.twoCycle(TARGET, x, reg)[value] ** 2, "blue thin", 1 / (2 * positive), 1.1);
      }
      over
        .vertical(step, "muted dotted")
        .dots(late.map((w) => [step, product(w)]), "vermilion", period === 0 ? 2.5 : 4)
        .handle("step", [step, RANGES.product[0]], (x) => ({ step: x }));
      return [plane, over];
    },

    python(state) {
      const { step, first, second, reg } = state;
      const flattest =
        reg > 0
          ? "dmf.hessian_extremes(dmf.global_minimizer(problem))[1]"
          : "dmf.flat_sharpness([[target]], 2)";
      const entries = {
        "sharpness at the start": "np.linalg.eigvalsh(hessian)[-1]",
        "sharpness of the flattest minimizer": "flattest",
        "longest step that it bears": "2 / flattest",
      };
      if (!Number.isNaN(forms.twoCycle(TARGET, step, reg).low)) {
        entries["values of the two-cycle"] = "[cycle.low, cycle.high]";
        entries["multiplier of the two-cycle"] = "cycle.multiplier";
        entries["multiplier of an imbalance"] = "cycle.imbalance_multiplier";
      }
      const isNear = !run(state, STEPS).some(isFar);
      if (isNear) entries[`factors after ${STEPS} steps`] = "[w.item() for w in run.factors]";
      return [
        "import numpy as np",
        "",
        "import dmfbook as dmf",
        "",
        `target, reg, step = ${TARGET}, ${reg}, ${step}`,
        `start = [${list([list([first])])}, ${list([list([second])])}]`,
        "problem = dmf.Problem([[target]], [1], reg)",
        "hessian = dmf.hessian(problem, start)",
        `flattest = ${flattest}`,
        "cycle = dmf.two_cycle(target, step, reg)",
        ...(isNear ? [`run = dmf.gradient_descent(problem, start, step, ${STEPS})`] : []),
        ...dictionary(entries),
      ];
    },
  };

  register("hyperbola", hyperbola);
})();
