// A network on data, two inputs and one output: how flat it can be, and what goes last.
"use strict";

(() => {
  const forms = dmfbook.closedForms;
  const { ASPECT, Plot } = dmfbook.drawing;
  const { dictionary, register, shown } = dmfbook.frame;

  const DEEPEST = 12;
  const SPAN = 2;
  const WEAKEST = 0.1;
  const radians = (degrees) => (degrees * Math.PI) / 180;
  const degrees = (angle) => (angle * 180) / Math.PI;
  const turned = ([x, y], angle) => [
    x * Math.cos(angle) - y * Math.sin(angle),
    x * Math.sin(angle) + y * Math.cos(angle),
  ];
  const along = (length, angle) => turned([length, 0], radians(angle));

  /** @type {(state: Object<string, number>) => object} What the closed forms say, in the axes of the page. */
  function found({ weak, turn, strength, angle, depth }) {
    const axes = radians(turn);
    const target = along(strength, angle);
    const own = forms.onData(turned(target, -axes), [1, weak], depth);
    const direction = turned(own.criticalDirection, axes);
    const largest = Math.abs(direction[0]) >= Math.abs(direction[1]) ? direction[0] : direction[1];
    const [x, y] = own.criticalDirection;
    return {
      ...own,
      target,
      criticalDirection: direction.map((value) => value * Math.sign(largest)),
      inputStrength: Math.hypot(x, weak * y),
      // Without its sign, which does not matter.
      offTarget: degrees(Math.acos(Math.min(1, Math.abs(dot(direction, target)) / strength))),
    };
  }

  const dot = (v, w) => v[0] * w[0] + v[1] * w[1];

  /** @type {Explorer} */
  const data = {
    controls: [
      { name: "weak", label: "weaker input", start: 0.35, min: WEAKEST, max: 1, log: true },
      { name: "turn", label: "angle of inputs", start: 20, min: -90, max: 90, step: 1 },
      { name: "strength", label: "length of target", start: 1.5, min: 0.2, max: 2, step: 0.05 },
      { name: "angle", label: "angle of target", start: 80, min: -180, max: 180, step: 1 },
      { name: "depth", label: "depth L", start: 3, min: 2, max: DEEPEST, step: 1 },
    ],

    numbers(state) {
      const { flatSharpness, criticalReg, criticalDirection, inputStrength } = found(state);
      return {
        "least sharpness": flatSharpness,
        "critical weight": criticalReg,
        "critical direction": criticalDirection,
        "strength of the inputs along it": inputStrength,
      };
    },

    sentence(state) {
      const { criticalDirection, offTarget, flatSharpness, criticalReg } = found(state);
      const [x, y] = criticalDirection;
      return (
        `At depth ${state.depth} the last direction that weight decay leaves is at ` +
        `${Math.round(degrees(Math.atan2(y, x)))}°, ${shown(offTarget)}° off the target; it goes at ` +
        `λ = ${shown(criticalReg)}. Without weight decay no network that fits is flatter than ` +
        `${shown(flatSharpness)}.`
      );
    },

    plots(state) {
      const { weak, turn, depth } = state;
      const { target, criticalDirection } = found(state);
      const ellipse = Array.from({ length: 97 }, (_, i) => {
        const angle = (i * Math.PI) / 48;
        return turned([Math.cos(angle), weak * Math.sin(angle)], radians(turn));
      });
      const ends = [-1.9, 1.9].map((length) => criticalDirection.map((value) => value * length));
      const tip = along(weak, turn + 90);
      const plane = new Plot(
        `The plane of two inputs: the ellipse of their covariance, the target as a line from the ` +
          `centre, and the last direction across. ${data.sentence(state)}`,
        { range: [-SPAN * ASPECT, SPAN * ASPECT], label: "input x₁" },
        { range: [-SPAN, SPAN], label: "input x₂" },
      )
        .curve(ellipse, "blue")
        .curve(ends, "green dashed")
        .note(ends[1], "last", ends[1][0] > 0 ? "end" : "start")
        .curve([[0, 0], target], "vermilion")
        .note(target, "target", target[0] > 0 ? "end" : "start")
        .handle("target", target, (x, y) => ({
          strength: Math.hypot(x, y),
          angle: degrees(Math.atan2(y, x)),
        }))
        .handle("ellipse", tip, (x, y) => {
          // The tip of the weaker axis, of which there are two.
          const angle = degrees(Math.atan2(-x, y));
          const half = Math.abs(angle) > 90 ? angle - 180 * Math.sign(angle) : angle;
          return { weak: Math.hypot(x, y), turn: half };
        });

      const depths = Array.from({ length: DEEPEST - 1 }, (_, i) => i + 2);
      const angles = depths.map((each) => [each, found({ ...state, depth: each }).offTarget]);
      const byDepth = new Plot(
        `Angle between the last direction and the target against depth: from ${shown(angles[0][1])} ` +
          `degrees at depth 2 to ${shown(angles[DEEPEST - 2][1])} at depth ${DEEPEST}.`,
        { range: [1.5, DEEPEST + 0.5], label: "depth L", ticks: [2, 4, 6, 8, 10, 12] },
        { range: [0, Math.max(10, 1.15 * Math.max(...angles.map(([, angle]) => angle)))], label: "angle off the target, °" },
      )
        .curve(angles, "green thin")
        .dots(angles, "green", 3)
        .dots([angles[depth - 2]], "vermilion");

      const sharpness = (each) => found({ ...state, weak: each }).flatSharpness;
      const flat = new Plot(
        "Least sharpness of a network that fits against the strength of the weaker input.",
        { range: [WEAKEST, 1], label: "weaker input, relative", log: true },
        { range: [0, 1.15 * sharpness(1)], label: "least sharpness" },
      )
        .curve(samples(sharpness), "blue")
        .dots([[weak, sharpness(weak)]], "vermilion")
        .handle("weak", [weak, 0], (x) => ({ weak: x }));
      return [plane, byDepth, flat];
    },

    python({ weak, turn, strength, angle, depth }) {
      const entries = {
        "least sharpness": "dmf.flat_sharpness(target, depth, inputs)",
        "critical weight": "dmf.critical_reg_of(problem)",
        "critical direction": "v",
        "strength of the inputs along it": "np.linalg.norm(v @ inputs)",
      };
      return [
        "import numpy as np",
        "",
        "import dmfbook as dmf",
        "",
        `depth, turn, angle = ${depth}, np.radians(${turn}), np.radians(${angle})`,
        "axes = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]",
        `inputs = np.array(axes) * [1, ${weak}]`,
        `target = ${strength} * np.array([[np.cos(angle), np.sin(angle)]])`,
        "data = dmf.Regression(inputs, outputs=target @ inputs)",
        "problem = dmf.Problem(data, hidden_widths=[1] * (depth - 1))",
        "v = dmf.critical_direction_of(problem)",
        ...dictionary(entries),
      ];
    },
  };

  /** @type {(f: (weak: number) => number) => number[][]} */
  function samples(f) {
    return Array.from({ length: 41 }, (_, i) => WEAKEST ** (1 - i / 40)).map((weak) => [weak, f(weak)]);
  }

  register("data", data);
})();
