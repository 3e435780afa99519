"""Degrees of runs, of objectives of measurements, and of how factors lie to a subspace.

With factors of degree 1 and measurements of degree L a gradient has degree ``2L − 1``, a weight ``2L − 2``, a step or
a time ``2 − 2L``. A tolerance of degree ``2L − 1`` among the arguments keeps gradients within float64.
"""

from itertools import pairwise

import numpy as np
from homogeneity.row import Row

import dmfbook as dmf

RNG = np.random.default_rng(6)
BASIS = np.linalg.qr(RNG.standard_normal((5, 2)))[0]
STACK = RNG.standard_normal((3, 5, 4))
OPERATOR, SQUARE = dmf.gaussian_sensing((4, 3), 7, RNG), dmf.gaussian_sensing((4, 4), 9, RNG)
SEEN, SEEN_SQUARE = RNG.standard_normal(7), RNG.standard_normal(9)
WIDTHS = (3, 2, 5, 4)
FACTORS = [RNG.standard_normal((after, before)) / 2 for before, after in pairwise(WIDTHS)]
PAIR = [FACTORS[0], RNG.standard_normal((4, 2))]
TARGET = RNG.standard_normal((4, 3))


def results(run):
    """What a run returns, recorded factors and all."""
    return [*run.factors, run.records["w"], run.times, run.loss, run.steps]


def watch(factors):
    """What is recorded."""
    return factors[-1]


def descent(**options):
    """A run of a factorization problem."""

    def call(target, factors, reg, step, tolerance):
        problem = dmf.Problem(target, [len(factor) for factor in factors[:-1]], reg)
        return results(
            dmf.gradient_descent(
                problem,
                factors,
                steps=60,
                tolerance=float(tolerance),
                record={"w": watch},
                step=float(step),
                **options,
            )
        )

    return call


def scaled_descent(target, factors, damping, tolerance):
    """A run whose step is a pure number."""
    return results(
        dmf.gradient_descent(
            dmf.Problem(target, (2,)),
            factors,
            0.1,
            40,
            scaling=float(damping),
            tolerance=float(tolerance),
            record={"w": watch},
        )
    )


def flow(target, factors, reg, time, tolerance):
    """A flow of a factorization problem."""
    problem = dmf.Problem(target, [len(factor) for factor in factors[:-1]], reg)
    run = dmf.gradient_flow(
        problem, factors, float(time), tolerance=float(tolerance), record={"w": watch}
    )
    return results(run)


def on_measurements(y, factors, step, tolerance):
    """A run of a sensing problem."""
    problem = dmf.SensingProblem(OPERATOR, y)
    options = {"tolerance": float(tolerance), "record": {"w": watch}}
    return results(dmf.gradient_descent(problem, factors, float(step), 20, **options))


def on_noisy_labels(y, noise, factors, step, tolerance):
    """A run on labels with the same noise each time."""
    problem = dmf.NoisyLabels(
        dmf.SensingProblem(OPERATOR, y), float(noise), np.random.default_rng(7)
    )
    options = {"tolerance": float(tolerance), "record": {"w": watch}}
    return results(dmf.gradient_descent(problem, factors, float(step), 20, **options))


def symmetric(y, factor):
    """Loss and gradient of one factor."""
    problem = dmf.SymmetricSensingProblem(SQUARE, y)
    return [problem.loss([factor]), *problem.gradient([factor])]


def cycle(target, step, reg):
    """Values and multipliers of the two-cycle."""
    found = dmf.two_cycle(target, step, reg)
    return [found.low, found.high, found.multiplier, found.imbalance_multiplier]


AT_DEPTH_3 = {"target": TARGET, "factors": FACTORS, "reg": 0.1, "step": 0.02, "tolerance": 0.5}
DEGREES_3 = {"target": 3, "factors": 1, "reg": 4, "step": -4, "tolerance": 5}
AT_DEPTH_2 = AT_DEPTH_3 | {"factors": PAIR}
DEGREES_2 = {"target": 2, "factors": 1, "reg": 2, "step": -2, "tolerance": 3}
RESULTS_3, RESULTS_2 = [1, 1, 1, 1, -4, 6, 0], [1, 1, 1, -2, 4, 0]

ROWS = {
    "descent, L = 2": Row(descent(), AT_DEPTH_2, DEGREES_2, RESULTS_2),
    "descent, L = 3": Row(descent(), AT_DEPTH_3, DEGREES_3, RESULTS_3),
    "descent with momentum": Row(descent(momentum=0.6), AT_DEPTH_3, DEGREES_3, RESULTS_3),
    # The step that leads up is found at the same place.
    "divergence": Row(descent(), AT_DEPTH_3 | {"step": 3.0}, DEGREES_3, RESULTS_3),
    "scaled descent": Row(
        scaled_descent,
        {"target": TARGET, "factors": PAIR, "damping": 0.2, "tolerance": 1e-3},
        {"target": 2, "factors": 1, "damping": 2, "tolerance": 3},
        [1, 1, 1, 0, 4, 0],
    ),
    "flow, L = 2": Row(
        flow,
        {"target": TARGET, "factors": PAIR, "reg": 0.1, "time": 3.0, "tolerance": 0.1},
        {"target": 2, "factors": 1, "reg": 2, "time": -2, "tolerance": 3},
        RESULTS_2,
    ),
    "flow, L = 3": Row(
        flow,
        {"target": TARGET, "factors": FACTORS, "reg": 0.1, "time": 3.0, "tolerance": 0.1},
        {"target": 3, "factors": 1, "reg": 4, "time": -4, "tolerance": 5},
        RESULTS_3,
    ),
    "SensingProblem": Row(
        lambda y, factors: [
            (problem := dmf.SensingProblem(OPERATOR, y)).loss(factors),
            problem.end_to_end(factors),
        ],
        {"y": SEEN, "factors": FACTORS},
        {"y": 3, "factors": 1},
        [6, 3],
    ),
    "SensingProblem, gradient": Row(
        lambda y, factors: dmf.SensingProblem(OPERATOR, y).gradient(factors),
        {"y": SEEN, "factors": FACTORS},
        {"y": 3, "factors": 1},
        5,
    ),
    "descent on measurements": Row(
        on_measurements,
        {"y": SEEN, "factors": FACTORS, "step": 0.01, "tolerance": 1e-3},
        {"y": 3, "factors": 1, "step": -4, "tolerance": 5},
        RESULTS_3,
    ),
    "NoisyLabels": Row(
        on_noisy_labels,
        {"y": SEEN, "noise": 0.3, "factors": FACTORS, "step": 0.01, "tolerance": 1e-3},
        {"y": 3, "noise": 3, "factors": 1, "step": -4, "tolerance": 5},
        RESULTS_3,
    ),
    "SymmetricSensingProblem": Row(
        symmetric, {"y": SEEN_SQUARE, "factor": STACK[0, :4]}, {"y": 2, "factor": 1}, [4, 3]
    ),
    "misalignment": Row(
        lambda matrices: dmf.misalignment(matrices, BASIS), {"matrices": STACK}, {"matrices": 1}, 0
    ),
    "signal_values": Row(
        lambda matrices: dmf.signal_values(matrices, BASIS), {"matrices": STACK}, {"matrices": 1}, 1
    ),
    "noise_norm": Row(
        lambda matrices: dmf.noise_norm(matrices, BASIS), {"matrices": STACK}, {"matrices": 1}, 1
    ),
    "two_cycle": Row(
        cycle,
        {"target": np.array([0.3, 1.0, 1.2, 3.0]), "step": 0.6, "reg": 0.1},
        {"target": 2, "step": -2, "reg": 2},
        [1, 1, 0, 0],
    ),
}
