// Modes of a matrix: ranks, and the Hessian's spectrum at any critical point.
"use strict";

(() => {
  const forms = dmfbook.closedForms;
  const { Plot } = dmfbook.drawing;
  const { dictionary, list, register, shown } = dmfbook.frame;

  const CHOICES = ["as is best", "left out", "smaller root", "larger root"];
  const NAMES = ["largest", "middle", "smallest"];

  /** @type {(state: Object<string, number>) => {problem: object, roots: number[], refused: boolean}} */
  function chosenPoint(state) {
    const widths = [state.inputs, ...Array(state.depth - 1).fill(state.hidden), state.outputs];
    const given = [state.sigma1, state.sigma2, state.sigma3].sort((a, b) => b - a);
    const values = [...given, 0, 0].slice(0, Math.min(state.inputs, state.outputs));
    const problem = { values, widths, reg: state.reg };
    const best = forms.globalRoots(problem);
    const wanted = values.map((_, i) => (state[`mode${i + 1}`] ? state[`mode${i + 1}`] - 1 : best[i]));
    let room = Math.min(...widths);
    const roots = wanted.map((root, i) => {
      const { smaller, larger } = forms.stationaryValues(values[i], state.reg, state.depth);
      const exists = root > 0 && !Number.isNaN(root === 1 ? smaller : larger);
      return exists && room-- > 0 ? root : 0;
    });
    return { problem, roots, refused: roots.some((root, i) => root !== wanted[i]) };
  }

  /** @type {Explorer} */
  const modes = {
    controls: [
      { name: "sigma1", label: "value σ₁", start: 3, min: 0, max: 4, step: 0.05 },
      { name: "sigma2", label: "value σ₂", start: 2.2, min: 0, max: 4, step: 0.05 },
      { name: "sigma3", label: "value σ₃", start: 0.5, min: 0, max: 4, step: 0.05 },
      { name: "reg", label: "weight λ", start: 0.3, min: 0.02, max: 5, log: true },
      { name: "depth", label: "depth L", start: 3, min: 2, max: 8, step: 1 },
      { name: "inputs", label: "inputs d₀", start: 3, min: 3, max: 5, step: 1 },
      { name: "hidden", label: "hidden widths", start: 4, min: 1, max: 6, step: 1 },
      { name: "outputs", label: "outputs d_L", start: 3, min: 3, max: 5, step: 1 },
      ...NAMES.map((name, i) => {
        const label = `${name} mode`;
        return { name: `mode${i + 1}`, label, start: 0, min: 0, max: 3, options: CHOICES };
      }),
    ],

    numbers(state) {
      const { problem, roots } = chosenPoint(state);
      const point = forms.criticalPoint(problem, roots);
      const rows = forms.hessianSpectrum(point);
      const eigenvalues = rows.flatMap(({ value, count }) => Array(count).fill(value));
      eigenvalues.sort((a, b) => a - b);
      const found = {
        rank: point.rank,
        loss: point.loss,
        index: point.morseIndex,
        nullity: point.nullity,
        sharpness: eigenvalues[eigenvalues.length - 1],
      };
      if (point.kind !== "strict saddle") found["condition number"] = forms.conditionNumber(point);
      found["singular values"] = point.endToEndValues;
      found.eigenvalues = eigenvalues;
      return found;
    },

    sentence(state) {
      const { problem, roots, refused } = chosenPoint(state);
      const point = forms.criticalPoint(problem, roots);
      const most = problem.values.length;
      const said = `This critical point is a ${point.kind} of rank ${point.rank} of ${most}.`;
      if (!refused) return said;
      return `${said} A mode that has no such root, or that the hidden layers have no room for, is left out.`;
    },

    plots(state) {
      const { problem, roots } = chosenPoint(state);
      const { values, widths, reg } = problem;
      const point = forms.criticalPoint(problem, roots);
      const { depth } = state;
      const collapse = forms.collapseThreshold(reg, depth);
      const shrinkage = new Plot(
        `Singular values of the product against those of the target. ${modes.sentence(state)}`,
        { range: [0, 4], label: "singular value σ of the target" },
        { range: [0, 4], label: "of the product" },
      )
        .curve([[0, 0], [Math.min(collapse, 4), 0]], "blue")
        .curve([[collapse, 0], [collapse, forms.shrink(collapse, reg, depth)]], "blue dotted");
      if (collapse < 4) shrinkage.graph((m) => forms.shrink(m, reg, depth), "blue", collapse, 4);
      shrinkage.dots(values.map((sigma, i) => [sigma, point.endToEndValues[i]]), "vermilion");
      for (const name of ["sigma1", "sigma2", "sigma3"]) {
        shrinkage.handle(name, [state[name], 0], (sigma) => ({ [name]: sigma }));
      }

      const room = Math.min(...widths);
      const steps = values.slice(0, room).map((sigma) => forms.criticalReg(sigma, depth));
      const rank = (weight) => steps.filter((step) => step > weight).length;
      const range = [0.02, 5];
      const corners = [[range[0], rank(range[0])]];
      for (const step of steps.filter((s) => s > range[0] && s < range[1]).reverse()) {
        corners.push([step, rank(step * (1 - 1e-12))], [step, rank(step)]);
      }
      corners.push([range[1], rank(range[1])]);
      const staircase = new Plot(
        "Rank of the global minimizer against the weight: a staircase that falls at the critical " +
          `weights ${steps.map(shown).join(", ")}.`,
        { range, label: "weight λ", log: true },
        { range: [0, room + 0.5], label: "rank", ticks: [...Array(room + 1).keys()] },
      )
        .curve(corners, "blue")
        .vertical(reg, "muted dotted")
        .handle("reg", [reg, 0], (weight) => ({ reg: weight }));

      const rows = forms.hessianSpectrum(point);
      const least = Math.min(0, ...rows.map(({ value }) => value));
      const largest = Math.max(...rows.map(({ value }) => value));
      const totals = new Map();
      for (const { value, count } of rows) {
        const key = shown(value);
        totals.set(key, (totals.get(key) ?? 0) + count);
      }
      const sticks = new Plot(
        `Eigenvalues of the Hessian from ${shown(least)} to ${shown(largest)}, each a stick as high as ` +
          "its multiplicity.",
        { range: [least - 0.04 * largest, 1.04 * largest], label: "eigenvalue of the Hessian" },
        { range: [0.7, 1.3 * Math.max(...totals.values())], label: "how often", log: true },
      );
      for (const [key, count] of totals) {
        const value = Number(key);
        const style = value < 0 ? "vermilion" : value > 0 ? "blue" : "muted";
        sticks.curve([[value, 0.7], [value, count]], style).dots([[value, count]], style, 3.5);
      }
      return [shrinkage, staircase, sticks];
    },

    python(state) {
      const { problem, roots } = chosenPoint(state);
      const { values, widths, reg } = problem;
      const isGlobal = `${roots}` === `${forms.globalRoots(problem)}`;
      const entries = {
        rank: "point.rank",
        loss: "point.loss",
        index: "point.morse_index",
        nullity: "point.nullity",
        sharpness: "dmf.hessian_extremes(point)[1]",
      };
      const { kind } = forms.criticalPoint(problem, roots);
      if (kind !== "strict saddle") entries["condition number"] = "point.condition_number";
      entries["singular values"] = "point.end_to_end_values";
      entries.eigenvalues = "dmf.hessian_spectrum(point)";
      return [
        "import numpy as np",
        "",
        "import dmfbook as dmf",
        "",
        `target = np.zeros((${state.outputs}, ${state.inputs}))`,
        `np.fill_diagonal(target, ${list(values)})`,
        `hidden_widths = ${list(widths.slice(1, -1))}`,
        `problem = dmf.Problem(target, hidden_widths, reg=${reg})`,
        isGlobal
          ? "point = dmf.global_minimizer(problem)"
          : `point = dmf.critical_point(problem, roots=${list(roots)})`,
        ...dictionary(entries),
      ];
    },
  };

  register("modes", modes);
})();
