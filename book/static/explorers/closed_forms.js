// The closed forms that the explorers draw, under the names of the Python package, for numbers of order
// one. Where formulas come from, and how they are computed at any scale, says the package.
"use strict";

globalThis.dmfbook = {};

dmfbook.closedForms = (() => {
  /**
   * The root of a function between two places where its signs differ, to the last bit.
   * @param {(x: number) => number} f
   * @param {number} low
   * @param {number} high
   * @returns {number}
   */
  function rootBetween(f, low, high) {
    const sign = Math.sign(f(low));
    for (;;) {
      const middle = (low + high) / 2;
      if (!(low < middle && middle < high)) return middle;
      if (Math.sign(f(middle)) === sign) low = middle;
      else high = middle;
    }
  }

  // The scalar problem (m − w^L)² + λ L w².

  /** @type {(w: number, target: number, reg: number, depth: number) => number} */
  function scalarLoss(w, target, reg, depth) {
    return (target - w ** depth) ** 2 + reg * depth * w ** 2;
  }

  /** @type {(reg: number, depth: number) => number} The value w_f at which both roots meet. */
  function foldValue(reg, depth) {
    return ((reg * (depth - 2)) / depth) ** (1 / (2 * depth - 2));
  }

  /** @type {(reg: number, depth: number) => number} */
  function foldThreshold(reg, depth) {
    if (depth === 2) return reg;
    const value = foldValue(reg, depth);
    return (value * Math.sqrt(reg) * (2 * depth - 2)) / Math.sqrt(depth * (depth - 2));
  }

  /** @type {(reg: number, depth: number) => number} */
  function collapseThreshold(reg, depth) {
    if (depth === 2) return reg;
    const root = (reg * (depth - 2)) ** (1 / (2 * depth - 2));
    return (depth - 1) * Math.sqrt(reg / (depth - 2)) * root;
  }

  /** @type {(target: number, depth: number) => number} */
  function criticalReg(target, depth) {
    if (depth === 2 || target === 0) return target;
    const jump = (target * (depth - 2)) / (depth - 1);
    return (target - jump) * jump ** (1 - 2 / depth);
  }

  /**
   * Positive roots of w^L + λ w^{2−L} = m; NaN where there is none.
   * @param {number} target
   * @param {number} reg positive
   * @param {number} depth
   * @returns {{smaller: number, larger: number}}
   */
  function stationaryValues(target, reg, depth) {
    if (depth === 2) {
      return { smaller: NaN, larger: target > reg ? Math.sqrt(target - reg) : NaN };
    }
    if (target < foldThreshold(reg, depth)) return { smaller: NaN, larger: NaN };
    const excess = (w) => w ** depth - target + reg / w ** (depth - 2);
    const fold = foldValue(reg, depth);
    const limit = (reg / target) ** (1 / (depth - 2));
    return {
      smaller: rootBetween(excess, limit, fold),
      larger: rootBetween(excess, fold, target ** (1 / depth)),
    };
  }

  /** @type {(target: number, reg: number, depth: number) => number} */
  function shrink(target, reg, depth) {
    if (depth === 2) return Math.max(target - reg, 0);
    if (target < collapseThreshold(reg, depth)) return 0;
    return target - reg / stationaryValues(target, reg, depth).larger ** (depth - 2);
  }

  // Critical points of the matrix problem, equal weights.

  /**
   * @typedef {object} Problem
   * @property {number[]} values singular values of the target, min(d_0, d_L) of them, largest first
   * @property {number[]} widths d_0 to d_L
   * @property {number} reg positive
   *
   * @typedef {object} CriticalPoint
   * @property {Problem} problem
   * @property {number[]} roots for each mode 0 (inactive), 1 (smaller root) or 2 (larger root)
   * @property {number[]} modeValues w_i, zero for inactive modes
   * @property {number[]} endToEndValues
   * @property {number} rank
   * @property {number} loss
   * @property {number} morseIndex
   * @property {number} nullity
   * @property {string} kind
   */

  /** @type {(problem: Problem) => number[]} Roots of a global minimizer, at ties the one of largest rank. */
  function globalRoots({ values, widths, reg }) {
    const depth = widths.length - 1;
    const threshold = collapseThreshold(reg, depth);
    const worthwhile = (value) => (depth === 2 ? value > threshold : value >= threshold);
    return values.map((value, i) => (i < Math.min(...widths) && worthwhile(value) ? 2 : 0));
  }

  /** @type {<T>(some: T[], others: T[], test: (a: T, b: T) => boolean) => number} */
  function countPairs(some, others, test) {
    return some.reduce((sum, a) => sum + others.filter((b) => test(a, b)).length, 0);
  }

  /** @type {(problem: Problem, roots: number[]) => CriticalPoint} */
  function criticalPoint(problem, roots) {
    const { values, widths, reg } = problem;
    const depth = widths.length - 1;
    const hidden = widths.slice(1, -1);
    const modeValues = roots.map((root, i) => {
      const { smaller, larger } = stationaryValues(values[i], reg, depth);
      return [0, smaller, larger][root];
    });
    const endToEndValues = modeValues.map((w) => w ** depth);
    const [inactive, smaller, larger] = [0, 1, 2].map((r) => values.filter((_, i) => roots[i] === r));
    const rank = values.length - inactive.length;
    const above = (a, b) => a > b;
    const equal = (a, b) => a === b;
    let morseIndex = (smaller.length * (smaller.length + 1)) / 2;
    morseIndex += countPairs(inactive, [...smaller, ...larger], above);
    morseIndex += countPairs(smaller, larger, above);
    let degeneracy = 0;
    if (depth === 2) {
      morseIndex += inactive.filter((value) => value > reg).length * (hidden[0] - rank);
      degeneracy = inactive.filter((value) => value === reg).length * (hidden[0] - rank);
    }
    const ties = countPairs(inactive, [...smaller, ...larger], equal) + countPairs(smaller, larger, equal);
    const orbit = hidden.reduce((sum, width) => sum + rank * (width - rank) + (rank * (rank - 1)) / 2, 0);
    const best = globalRoots(problem).filter((root) => root > 0).length;
    const tied = values.filter((v) => depth > 2 && v === collapseThreshold(reg, depth)).length;
    const isGlobal = morseIndex === 0 && best - tied <= rank && rank <= best;
    const loss = modeValues.reduce(
      (sum, w, i) => sum + (values[i] - endToEndValues[i]) ** 2 + reg * depth * w ** 2,
      0,
    );
    return {
      problem,
      roots,
      modeValues,
      endToEndValues,
      rank,
      loss,
      morseIndex,
      nullity: orbit + ties + degeneracy,
      isDegenerate: degeneracy > 0,
      kind: morseIndex ? "strict saddle" : isGlobal ? "global minimizer" : "local minimizer",
    };
  }

  /**
   * Eigenvalues of the Hessian with their multiplicities, in no order; some may agree.
   * @param {CriticalPoint} point
   * @returns {{value: number, count: number}[]}
   */
  function hessianSpectrum({ problem: { values, widths, reg }, roots, modeValues, rank }) {
    const depth = widths.length - 1;
    const spare = widths.map((width) => width - rank);
    const modes = values.map((sigma, i) => ({ sigma, w: modeValues[i], s: modeValues[i] ** depth }));
    const active = modes.filter((_, i) => roots[i] > 0);
    const inactive = modes.filter((_, i) => roots[i] === 0);
    const hidden = spare.slice(1, -1).reduce((sum, count) => sum + count, 0);
    const pairs = (rank * (rank - 1)) / 2;
    const found = [
      { value: 0, count: rank * hidden + pairs * (depth - 1) },
      { value: 4 * reg, count: rank * hidden + (pairs + rank) * (depth - 1) },
    ];
    active.forEach((a, i) => {
      const stiffness = 2 * a.w ** (depth - 2);
      found.push({ value: stiffness * a.sigma, count: Math.abs(spare[0] - spare[depth]) });
      for (const { sigma } of inactive) {
        found.push({ value: stiffness * (a.sigma + sigma), count: 1 });
        found.push({ value: stiffness * (a.sigma - sigma), count: 1 });
      }
      for (const b of active.slice(i)) {
        // Divided differences of w^L and of w^L + λ w^{2−L}, as sums: exact where values meet.
        let ofPower = 0;
        for (let q = 0; q < depth; q++) ofPower += a.w ** q * b.w ** (depth - 1 - q);
        let ofTarget = ofPower;
        for (let q = 1; q < depth - 1; q++) ofTarget -= reg * a.w ** -q * b.w ** (q - depth + 1);
        found.push({ value: (2 * (a.s + b.s) * ofTarget) / (a.w + b.w), count: 1 });
        if (a !== b) found.push({ value: (2 * (a.sigma + b.sigma) * ofPower) / (a.w + b.w), count: 1 });
      }
    });
    if (depth > 2) {
      const count = spare.slice(1).reduce((sum, width, l) => sum + width * spare[l], 0);
      found.push({ value: 2 * reg, count });
    } else {
      for (const { sigma } of inactive) {
        found.push({ value: 2 * (reg + sigma), count: spare[1] });
        found.push({ value: 2 * (reg - sigma), count: spare[1] });
      }
      found.push({ value: 2 * reg, count: spare[1] * Math.abs(spare[0] - spare[2]) });
    }
    return found.filter(({ count }) => count > 0);
  }

  /** @type {(point: CriticalPoint) => number} Largest over least positive eigenvalue at a minimizer. */
  function conditionNumber(point) {
    if (point.isDegenerate) return Infinity;
    const values = hessianSpectrum(point).map(({ value }) => value);
    return Math.max(...values) / Math.min(...values.filter((value) => value > 0));
  }

  // Gradient descent of two scalar factors, (m − w_2 w_1)² + λ (w_1² + w_2²).

  /** @type {(w: number[], target: number, reg: number, step: number) => number[]} */
  function descentStep([first, second], target, reg, step) {
    const residual = target - first * second;
    return [
      first - 2 * step * (reg * first - residual * second),
      second - 2 * step * (reg * second - residual * first),
    ];
  }

  /** @type {(start: number[], target: number, reg: number, step: number, steps: number) => number[][]} */
  function gradientDescent(start, target, reg, step, steps) {
    const run = [start];
    while (run.length <= steps) run.push(descentStep(run[run.length - 1], target, reg, step));
    return run;
  }

  /** @type {(w: number[], target: number, reg: number) => number} Largest eigenvalue of the Hessian. */
  function pairSharpness([first, second], target, reg) {
    const squares = [2 * second ** 2 + 2 * reg, 2 * first ** 2 + 2 * reg];
    const mixed = 4 * first * second - 2 * target;
    return (squares[0] + squares[1] + Math.hypot(squares[0] - squares[1], 2 * mixed)) / 2;
  }

  /** @type {(target: number, step: number, reg: number) => {low: number, high: number, multiplier: number, imbalanceMultiplier: number}} */
  function twoCycle(target, step, reg) {
    const product = 1 / (2 * step);
    const gap = target - reg - product;
    const high = gap > 0 ? (Math.sqrt(gap + 4 * product) + Math.sqrt(gap)) / 2 : NaN;
    const a = 1 + 2 * step * (target - reg);
    const c = 1 - 2 * step * (target + reg);
    return {
      low: product / high,
      high,
      multiplier: gap > 0 ? 9 - 2 * a ** 2 : NaN,
      imbalanceMultiplier: gap > 0 ? c * (c + a) + 1 : NaN,
    };
  }

  // A linear network with two inputs and one output.

  const PLACES = 180;

  /**
   * The unit vector v with v·c > 0 that maximizes |c·v|^{2p} (d_1 v_1² + d_2 v_2²)^q.
   * @param {number[]} c
   * @param {number[]} d positive
   * @param {number} p positive
   * @param {number} q
   * @returns {number[]}
   */
  function bestDirection(c, d, p, q) {
    const start = Math.atan2(c[1], c[0]) - Math.PI / 2;
    const along = (x) => [Math.cos(start + x), Math.sin(start + x)];
    const value = ([a, b]) =>
      p * Math.log((c[0] * a + c[1] * b) ** 2) + q * Math.log(d[0] * a * a + d[1] * b * b);
    // Its derivative times what is positive on this half of the circle.
    const slope = (x) => {
      const [a, b] = along(x);
      const turned = p * (c[1] * a - c[0] * b) * (d[0] * a * a + d[1] * b * b);
      return turned + q * (d[1] - d[0]) * a * b * (c[0] * a + c[1] * b);
    };
    let best = null;
    let low = 0;
    let rises = slope(low) > 0;
    for (let i = 1; i <= PLACES; i++) {
      const high = (i * Math.PI) / PLACES;
      const goesOn = slope(high) > 0;
      if (rises && !goesOn) {
        const found = along(rootBetween(slope, low, high));
        if (best === null || value(found) > value(best)) best = found;
      }
      [low, rises] = [high, goesOn];
    }
    return best;
  }

  /**
   * What holds for the inputs' moment S with the given principal axes and the output t·x.
   * @param {number[]} target t in the axes of S
   * @param {number[]} roots square roots of the eigenvalues of S
   * @param {number} depth
   * @returns {{flatSharpness: number, criticalReg: number, criticalDirection: number[]}}
   */
  function onData(target, roots, depth) {
    const moments = roots.map((root) => root * root);
    const size = ([a, b]) => Math.sqrt(moments[0] * a * a + moments[1] * b * b);
    const dot = (c, v) => Math.abs(c[0] * v[0] + c[1] * v[1]);
    const p = 1 - 1 / depth;
    const whitened = target.map((t, i) => t * roots[i]);
    const flat = bestDirection(whitened, moments, p, 1 / depth);
    const cross = target.map((t, i) => t * moments[i]);
    const last = bestDirection(cross, moments, p, 2 / depth - 1);
    const kappa = criticalReg(1, depth);
    return {
      flatSharpness: 2 * depth * dot(whitened, flat) ** (2 * p) * size(flat) ** (2 / depth),
      criticalReg: kappa * dot(cross, last) ** (2 * p) * size(last) ** (4 / depth - 2),
      criticalDirection: last,
    };
  }

  return {
    collapseThreshold,
    conditionNumber,
    criticalPoint,
    criticalReg,
    foldThreshold,
    globalRoots,
    gradientDescent,
    hessianSpectrum,
    onData,
    pairSharpness,
    scalarLoss,
    shrink,
    stationaryValues,
    twoCycle,
  };
})();
