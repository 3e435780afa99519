"""Claims of the chapter *The flattest network*; the oracles search, differentiate and ask a dense eigensolver."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

import numpy as np

from dmfbook.claims.cases.linear_networks import flat_networks, preprocessing
from dmfbook.claims.cases.linear_networks.flat_networks import NETWORKS, FlatNetwork
from dmfbook.claims.cases.linear_networks.preprocessing import WHITENED, Maps, Preprocessed
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.flatness.directions import best_split
from dmfbook.claims.statements.linear_networks.flat_networks import (
    Norm,
    balanced,
    flat_spectrum,
    flat_value,
    least_trace_formula,
    path_errors,
    sharpness_formula,
    two_layers_formula,
)
from dmfbook.zero_loss.sharpness import flat_sharpness, sharpness
from dmfbook.zero_loss.trace import flattest_factors, flattest_trace

NO_NETWORK = Evidence(np.inf, 1.0)  # nothing to compare: no network fits as well as a matrix does


def compare_sharpness(case: FlatNetwork, **changed: Any) -> Evidence:
    """Compare the formula with the largest eigenvalue of the differentiated Hessian."""
    formula = sharpness_formula(case.fitted, case.factor_of_inputs, **changed)
    return Evidence(abs(formula - case.fitted_sharpness), case.rounding)


@claim(
    "thm-sharpness-data",
    "The exact sharpness on data",
    source="this book",
    status="derived",
    cases=NETWORKS,
    controls={
        "the network fits as well as can be": flat_networks.misfitting,
        "no weight decay": flat_networks.penalized,
    },
    rivals={
        "only the first layer sees the inputs": partial(compare_sharpness, first_only=True),
        "the largest value of each term, added": partial(compare_sharpness, apart=True),
        "half of it": partial(compare_sharpness, constant=1.0),
    },
)
def sharpness_on_data(case: FlatNetwork) -> Evidence:
    """Compare the formula, and the package's value, with the differentiated Hessian."""
    value = sharpness(case.fitted, case.inputs)
    package = Evidence(abs(value - case.fitted_sharpness), case.rounding + 1e-11 * value)
    return worst([package, compare_sharpness(case)])


def compare_two_layers(case: FlatNetwork, norm: Norm = 2, apart: bool = False) -> Evidence:
    """Compare the formula with the largest eigenvalue of the differentiated Hessian."""
    second = reduce(lambda product, layer: layer @ product, case.fitted[1:])
    layers = [case.fitted[0], second]
    formula = two_layers_formula(layers, case.factor_of_inputs, norm, apart)
    return Evidence(abs(formula - case.fitted_sharpness), case.rounding)


@claim(
    "cor-two-layers-data",
    "Two layers on data",
    source="this book",
    status="derived",
    cases=flat_networks.SHALLOW,
    controls={
        "the network fits as well as can be": partial(flat_networks.misfitting, widths=(3, 2, 2)),
        "two layers": partial(flat_networks.network, widths=(3, 2, 2, 2), samples=8),
    },
    rivals={
        "the Frobenius norm of the second layer": partial(compare_two_layers, norm="fro"),
        "the norms of both terms, added": partial(compare_two_layers, apart=True),
    },
)
def two_layers_on_data(case: FlatNetwork) -> Evidence:
    """Compare the formula with the largest eigenvalue of the differentiated Hessian."""
    return compare_two_layers(case)


def compare_least(case: FlatNetwork, **changed: Any) -> Evidence:
    """Compare a formula with the least sharpness that a search over networks finds."""
    if not case.exists:
        return NO_NETWORK
    formula = flat_value(case.target, case.factor, case.depth, case.rng, **changed)
    return Evidence(abs(case.least_sharpness - formula), case.slack * formula)


def compare_split(case: FlatNetwork, weight: int = 1, power: int = 1) -> Evidence:
    """Compare the minimum over p with the least sharpness that a search over networks finds."""
    gram, moments = case.target.T @ case.target, case.factor**2
    formula = 2 * best_split(gram, moments, case.depth - weight, case.depth - power)
    return Evidence(abs(case.least_sharpness - formula), case.slack * formula)


@claim(
    "thm-flat-value-data",
    "The least sharpness on data",
    source="this book",
    status="new",
    cases=NETWORKS,
    controls={
        "no hidden width below the rank": flat_networks.too_narrow,
        "no weight decay": flat_networks.penalized,
    },
    rivals={
        "the outputs have the power 2−1/L": partial(compare_least, outputs=1.0),
        "the inputs have the power 1/L": partial(compare_least, inputs=1.0),
        "L−1 times": partial(compare_least, layers=1),
        "the inputs count inversely": partial(compare_least, kind="inverse"),
        "the largest outputs and the largest inputs": partial(compare_least, kind="apart"),
        "the direction of the largest outputs decides": partial(compare_least, kind="outputs"),
        "p: L times T": partial(compare_split, weight=0),
        "p: the power L": partial(compare_split, power=0),
    },
)
def least_sharpness_on_data(case: FlatNetwork) -> Evidence:
    """Compare both forms, and the package's value, with the least sharpness that a search over networks finds."""
    if not case.exists:
        return NO_NETWORK
    value = 2 * case.depth * case.direction[0]
    split = best_split(case.target.T @ case.target, case.factor**2, case.depth - 1, case.depth - 1)
    package = flat_sharpness(case.matrix, case.depth, case.inputs)
    both = [Evidence(abs(other - value), 1e-9 * value) for other in (2 * split, package)]
    return worst([*both, compare_least(case), compare_split(case)])


def compare_factors(case: FlatNetwork, behind: bool = True, root: float = 2.0) -> Evidence:
    """Compare the spectrum at the package's flat factors with the stated one, and its top with the least found."""
    if not case.exists:
        return NO_NETWORK
    found = case.spectrum(case.flat)
    _, v = case.direction
    ratio = np.linalg.norm(case.target @ v) / np.linalg.norm(case.factor @ v)
    split = float(ratio ** (root / case.depth))
    stated = flat_spectrum(case.target, case.factor, split, case.depth, len(found), behind)
    top = Evidence(abs(found[-1] - case.least_sharpness), case.slack * found[-1])
    # The direction is known to the square root of rounding, and p with it.
    return worst([top, Evidence(float(np.abs(found - stated).max()), 1e-6 * found[-1])])


def compare_balanced(case: FlatNetwork) -> Evidence:
    """Compare the sharpness of balanced factors with the least one that a search over networks finds."""
    top = case.spectrum(balanced(case.matrix, case.hidden_widths))[-1]
    return Evidence(abs(top - case.least_sharpness), case.slack * top)


@claim(
    "prop-flat-factors-data",
    "Flat factors on data",
    source="this book",
    status="new",
    cases=NETWORKS,
    controls={
        "no hidden width below the rank": flat_networks.too_narrow,
        "no weight decay": flat_networks.penalized,
    },
    rivals={
        "balanced factors are as flat": compare_balanced,
        "all outputs share one spectrum": partial(compare_factors, behind=False),
        "p is a ratio of norms to the power 1/L": partial(compare_factors, root=1.0),
    },
)
def flat_factors_on_data(case: FlatNetwork) -> Evidence:
    """Compare the spectrum at the package's flat factors with the stated one, and its top with the least found."""
    return compare_factors(case)


def compare_condition(
    case: FlatNetwork, depth: int = 0, power: float = 1.0, rest: float = 1.0
) -> Evidence:
    """Compare the condition number of the Hessian across the fitting networks with a multiple of that of the inputs."""
    found = case.spectrum(case.flat if case.searched else case.fitted)[-case.target.size :]
    inputs = (case.parts[1][0] / case.parts[1][-1]) ** 2
    stated = (case.depth + depth) * inputs**power
    if case.is_alike:
        stated = case.depth / (case.depth - 1 + rest / inputs)
    excess = found[-1] / found[0] / stated - 1
    return Evidence(abs(excess) if case.tight or case.is_alike else max(excess, 0.0), 1e-6)


@claim(
    "cor-condition-data",
    "The condition number at flat factors",
    source="this book",
    status="derived",
    cases=flat_networks.CONDITIONED,
    controls={
        "independent outputs": flat_networks.fewer_outputs,
        "the factors are these": flat_networks.at_random,
    },
    rivals={
        "as for a single layer": partial(compare_condition, power=0.0),
        "L−1 times that of the inputs": partial(compare_condition, depth=-1),
        "L times its root": partial(compare_condition, power=0.5),
        "L/(L−1) for outputs of all inputs alike": partial(compare_condition, rest=0.0),
    },
)
def condition_number(case: FlatNetwork) -> Evidence:
    """Compare the condition number of the Hessian across the fitting networks with ``L`` times that of the inputs."""
    return compare_condition(case)


def compare_path(case: FlatNetwork, kind: str = "path") -> Evidence:
    """Follow the direction v through the flattest network that a search finds."""
    _, v = case.direction
    excess = abs(case.least_sharpness / (2 * case.depth * case.direction[0]) - 1)
    ratio = np.linalg.norm(case.target @ v) / np.linalg.norm(case.factor @ v)
    norm = np.linalg.norm(case.target, 2) if kind == "outputs" else ratio
    gain = float(norm ** (1 / case.depth))
    start = (case.parts[0] if kind == "v itself" else case.factor_of_inputs) @ v
    errors = path_errors(case.flattest, start, gain, first_back=kind == "first layer")
    # Near a minimum an excess e of the value allows a distance of order √e.
    slack = 10 * float(np.sqrt(case.depth * excess)) if case.searched else 0.0
    return Evidence(max(errors), slack + 1e-5)


@claim(
    "thm-path-data",
    "The path of the direction that decides",
    source="this book",
    status="new",
    cases=NETWORKS,
    controls={"the network is as flat as can be": flat_networks.not_flattest},
    rivals={
        "the first layer maps back, too": partial(compare_path, kind="first layer"),
        "the path begins at v": partial(compare_path, kind="v itself"),
        "the gain of white inputs": partial(compare_path, kind="outputs"),
    },
)
def path_on_data(case: FlatNetwork) -> Evidence:
    """Follow the direction v through the flattest network that a search finds."""
    return compare_path(case)


def compare_whitening(
    case: Preprocessed, power: float = 1.0, low: str = "outputs", high: str = "largest"
) -> Evidence:
    """Compare least sharpnesses found by search, before and after whitening, with a value and two bounds."""
    raw, after, depth = case.raw, case.after, case.raw.depth
    norm = np.linalg.norm(case.fitted_outputs, 2)
    formula = 2 * depth * norm ** (2 - 2 / depth) * case.level ** (power / depth)
    ratio, ends = raw.least_sharpness / after.least_sharpness, case.ends
    bounds = [(ends[end] / case.level) ** (1 / depth) for end in (low, high)]
    slack = raw.slack + after.slack
    outside = max(bounds[0] / ratio, ratio / bounds[1]) - 1
    # Where both bounds differ, the upper one is not reached.
    reached = bounds[0] < bounds[1] * (1 - 1e-6) and ratio > bounds[1] * (1 - slack)
    value = Evidence(float(abs(after.least_sharpness / formula - 1)), after.slack)
    return worst([value, Evidence(np.inf if reached else max(float(outside), 0.0), 2 * slack)])


@claim(
    "prop-whitening-gain",
    "What whitening gains",
    source="this book",
    status="new",
    cases=WHITENED,
    controls={"the map whitens": preprocessing.standardized},
    rivals={
        "the level has the power 2/L": partial(compare_whitening, power=2.0),
        "the level does not matter": partial(compare_whitening, power=0.0),
        "whitening never makes it sharper": partial(compare_whitening, low="level"),
        "the largest inputs decide": partial(compare_whitening, low="largest"),
        "the gain is at most that of the mean moment": partial(compare_whitening, high="mean"),
    },
)
def whitening(case: Preprocessed) -> Evidence:
    """Compare least sharpnesses found by search, before and after whitening, with a value and two bounds."""
    return compare_whitening(case)


def compare_maps(case: Maps, power: float = 1.0, best: str = "map", ours: bool = True) -> Evidence:
    """Look for maps that end below the bound, and compare the best one with it."""
    target, depth = case.raw.target, case.raw.depth
    count, energy = target.shape[1], float(np.sum(target**2))
    # Whitening has the spectral norm where the bound has the root mean square of the singular values.
    size = energy / count if ours else float(np.linalg.norm(target, 2)) ** 2
    bound = 2 * depth * size ** (1 - 1 / depth) * (case.power / count) ** (power / depth)
    values = [2 * depth * each.direction[0] for each in case.others]
    reached = 2 * depth * case.best.direction[0] if best == "map" else values[1]
    below = max(bound / min(*values, reached) - 1, 0.0)
    return worst([Evidence(below, 1e-9), Evidence(abs(reached / bound - 1), 1e-9)])


@claim(
    "prop-preprocessing",
    "The flattest preprocessing",
    source="this book",
    status="new",
    cases=preprocessing.MAPS,
    controls={
        "the power is kept": preprocessing.less_power,
        "outputs that depend on all directions nearly alike": partial(
            preprocessing.nearly_isotropic, depth=3, spread=0.6
        ),
    },
    rivals={
        "whitening reaches the bound": partial(compare_maps, best="white"),
        "no map is flatter than whitening": partial(compare_maps, ours=False),
        "the power has the exponent 2/L": partial(compare_maps, power=2.0),
    },
)
def flattest_preprocessing(case: Maps) -> Evidence:
    """Look for maps that end below the bound, and compare the best one with it."""
    return compare_maps(case)


def compare_trace(case: FlatNetwork, **changed: Any) -> Evidence:
    """Compare a formula with the least trace that a search over networks finds."""
    if not case.exists:
        return NO_NETWORK
    formula = least_trace_formula(case.target, case.factor, case.depth, **changed)
    found = float(case.spectrum(case.least_trace).sum())
    return Evidence(abs(found - formula), 1e-9 * formula)


@claim(
    "thm-flattest-trace-data",
    "The least trace on data",
    source="this book",
    status="derived",
    cases=NETWORKS,
    controls={
        "no hidden width below the rank": flat_networks.too_narrow,
        "no weight decay": flat_networks.penalized,
    },
    rivals={
        "the Frobenius norm of the outputs": partial(compare_trace, norm="fro"),
        "the spectral norm of the inputs": partial(compare_trace, inputs=2),
        "without the number of outputs": partial(compare_trace, sides=0),
        "the power 2−1/L": partial(compare_trace, power=1.0),
    },
)
def least_trace_on_data(case: FlatNetwork) -> Evidence:
    """Compare the formula, and the package's factors, with the least trace that a search over networks finds."""
    if not case.exists:
        return NO_NETWORK
    factors = flattest_factors(case.matrix, case.hidden_widths, case.rng, inputs=case.inputs)
    value = flattest_trace(case.matrix, case.depth, case.inputs)
    attained = Evidence(abs(float(case.spectrum(factors).sum()) - value), 1e-9 * value)
    return worst([attained, compare_trace(case)])
