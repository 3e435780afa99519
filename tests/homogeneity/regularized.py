"""Degrees of the scalar problem, of critical points and of their spectra.

A target has degree L, a factor 1, a weight and an eigenvalue of the Hessian ``2L − 2``.
"""

import numpy as np
from homogeneity.row import Row

import dmfbook as dmf

TARGETS = np.array([0.0, 0.3, 1.0, 1.7, 2.5, 40.0])
WEIGHTS = np.array([0.0, 1e-9, 0.2, 1.0])[:, None]


def scalar(depth):
    """Rows of the scalar problem at one depth."""
    arguments, degrees = (
        {"target": TARGETS, "reg": WEIGHTS},
        {"target": depth, "reg": 2 * depth - 2},
    )
    of_reg, to_target = {"reg": WEIGHTS}, {"reg": 2 * depth - 2}
    return {
        f"fold_threshold, L = {depth}": Row(
            lambda reg: dmf.fold_threshold(reg, depth), of_reg, to_target, depth
        ),
        f"collapse_threshold, L = {depth}": Row(
            lambda reg: dmf.collapse_threshold(reg, depth), of_reg, to_target, depth
        ),
        f"critical_reg, L = {depth}": Row(
            lambda target: dmf.critical_reg(target, depth),
            {"target": TARGETS},
            {"target": depth},
            2 * depth - 2,
        ),
        f"stationary_values, L = {depth}": Row(
            lambda target, reg: dmf.stationary_values(target, reg, depth), arguments, degrees, 1
        ),
        f"shrink, L = {depth}": Row(
            lambda target, reg: dmf.shrink(target, reg, depth), arguments, degrees, depth
        ),
    }


def target_with(values, turned):
    """A 4 × 5 target with these singular values."""
    rng = np.random.default_rng(2)
    diagonal = np.zeros((4, 5))
    np.fill_diagonal(diagonal, values)
    if not turned:
        return diagonal
    left, right = (np.linalg.qr(rng.standard_normal((n, n)))[0] for n in (4, 5))
    return left @ diagonal @ right


# Depth, singular values, weights: at and between the thresholds, ties, unequal weights.
PROBLEMS = {
    "depth 2": (2, (3.0, 2.0, 2.0, 1.0), 1.0),
    "depth 2, turned": (2, (3.0, 2.0, 0.9, 0.1), 0.5),
    "depth 2, unequal": (2, (3.0, 2.0, 0.9, 0.1), (0.5, 1.5)),
    "depth 3": (3, (3.0, 2.0, 2.0, dmf.fold_threshold(1.0, 3)), 1.0),
    "depth 3, unequal, turned": (3, (3.0, 2.4, 2.3, 0.1), (0.5, 1.0, 0.7)),
    "depth 5": (5, (3.0, 2.6, 2.5, 0.0), 0.6),
    "all collapsed": (4, (0.1, 0.1, 0.0, 0.0), 5.0),
    "little weight": (3, (3.0, 2.0, 1.0, 0.5), 1e-8),
}


def facts(point):
    """What a critical point says of itself, with degrees in multiples of those of a factor."""
    return [
        np.array([point.rank, point.morse_index, point.nullity]),
        *(point.mode_values, point.layer_values, *point.factors()),
        *(point.target_values, point.end_to_end_values, point.end_to_end),
        *(point.mean_reg, point.trace, point.loss),
    ]


def degrees_of_facts(depth):
    """Degrees of :func:`facts`."""
    return [0, 1, 1, *[1] * depth, *[depth] * 3, 2 * depth - 2, 2 * depth - 2, 2 * depth]


def of_problem(name):
    """Rows of everything that is known of the critical points of one problem."""
    depth, values, reg = PROBLEMS[name]
    arguments = {"target": target_with(values, "turned" in name), "reg": reg}
    if isinstance(reg, tuple):
        arguments["reg"] = np.array(reg)
    degrees, of_eigenvalues = {"target": depth, "reg": 2 * depth - 2}, 2 * depth - 2
    hidden = [3, 6, 4, 4][: depth - 1]

    def minimizer(target, reg):
        return dmf.global_minimizer(dmf.Problem(target, hidden, reg))

    def points(target, reg):
        return list(dmf.critical_points(dmf.Problem(target, hidden, reg)))

    count = len(points(**arguments))
    return {
        f"{name}: all critical points": Row(
            lambda target, reg: [facts(point) for point in points(target, reg)],
            arguments,
            degrees,
            [degrees_of_facts(depth)] * count,
        ),
        f"{name}: hessian_spectrum": Row(
            lambda target, reg: [dmf.hessian_spectrum(p) for p in points(target, reg)],
            arguments,
            degrees,
            of_eigenvalues,
        ),
        f"{name}: hessian_extremes": Row(
            lambda target, reg: dmf.hessian_extremes(minimizer(target, reg)),
            arguments,
            degrees,
            of_eigenvalues,
        ),
        f"{name}: spectral_density": Row(
            lambda target, reg: [
                (density := dmf.spectral_density(minimizer(target, reg), 7)).counts,
                density.edges,
            ],
            arguments,
            degrees,
            [0, of_eigenvalues],
        ),
        f"{name}: local_minimizers": Row(
            lambda target, reg: [
                facts(point) for point in dmf.local_minimizers(dmf.Problem(target, hidden, reg))
            ],
            arguments,
            degrees,
            [degrees_of_facts(depth)]
            * len(list(dmf.local_minimizers(dmf.Problem(arguments["target"], hidden, reg)))),
        ),
        f"{name}: hessian_eigenpairs": Row(
            lambda target, reg: list(dmf.hessian_eigenpairs(minimizer(target, reg), "both", 5)),
            arguments,
            degrees,
            [of_eigenvalues, [[0] * depth] * 10],
        ),
        f"{name}: rates": Row(
            lambda target, reg, step: [
                (point := minimizer(target, reg)).condition_number,
                point.convergence_rate(step),
                dmf.critical_point(point.problem, 0 * point.roots).escape_rate(step),
            ],
            {**arguments, "step": 0.05},
            {**degrees, "step": -of_eigenvalues},
            0,
        ),
        f"{name}: exceptional_gap": Row(
            lambda target, reg: dmf.exceptional_gap(dmf.Problem(target, hidden, reg)),
            arguments,
            degrees,
            0,
        ),
    }


def of_noise():
    """Thresholds and shrinkage under noise, whose unit is that of a singular value."""
    ratios = np.array([1.0, 0.3])[:, None]
    return {
        "optimal_shrink": Row(
            lambda value, noise: dmf.optimal_shrink(value, ratios, noise),
            {"value": TARGETS, "noise": 0.6},
            {"value": 1, "noise": 1},
            1,
        ),
        "denoising_threshold": Row(
            lambda noise: dmf.denoising_threshold([2, 3, 8], ratios, noise),
            {"noise": 0.6},
            {"noise": 1},
            1,
        ),
    }


def of_data(depth):
    """The critical weight of a network of this depth on data."""
    rng = np.random.default_rng(3)
    data = {"inputs": rng.standard_normal((4, 9)), "outputs": rng.standard_normal((3, 9))}
    return {
        f"critical_reg_of data, L = {depth}": Row(
            lambda inputs, outputs: dmf.critical_reg_of(
                dmf.Problem(dmf.Regression(inputs, outputs), (2,) * (depth - 1))
            ),
            data,
            {"inputs": depth, "outputs": depth},
            2 * depth,
        ),
        f"critical_direction_of data, L = {depth}": Row(
            lambda inputs, outputs: dmf.critical_direction_of(
                dmf.Problem(dmf.Regression(inputs, outputs), (2,) * (depth - 1))
            ),
            data,
            {"inputs": 1, "outputs": 1},
            0,
        ),
        f"regression_fit, L = {depth}": Row(
            lambda inputs, outputs, reg: [
                (
                    fit := dmf.regression_fit(
                        dmf.Problem(dmf.Regression(inputs, outputs), (2,) * (depth - 1), reg),
                        starts=0,
                    )
                ).loss,
                fit.lower_bound,
                fit.factors,
            ],
            {**data, "reg": 0.3},
            {"inputs": depth, "outputs": 2 * depth, "reg": 4 * depth - 2},
            [4 * depth, 4 * depth, [1] * depth],
            # The loss of zero and the least of all matrices are summed in other units.
            1e-14,
        ),
        f"critical_reg_of a target, L = {depth}": Row(
            lambda target: dmf.critical_reg_of(dmf.Problem(target, (2,) * (depth - 1))),
            {"target": data["inputs"]},
            {"target": depth},
            2 * depth - 2,
        ),
    }


ROWS = {
    name: row
    for rows in [
        *map(scalar, (2, 3, 5, 30)),
        *map(of_problem, PROBLEMS),
        *map(of_data, (2, 3, 5)),
        of_noise(),
    ]
    for name, row in rows.items()
}
