r"""Numbers that the text works out: each paragraph "*In numbers.*" is written here again, computed.

Templates hold TeX, so values are put in by `%`.
"""

import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import dmfbook as dmf

LEAD = "*In numbers.* "


def kept(spectrum, hidden_widths, reg):
    """Return the singular values of the product at the global minimizer."""
    problem = dmf.Problem(np.diag(spectrum), hidden_widths, reg)
    return dmf.global_minimizer(problem).end_to_end_values


def price(values, depth):
    """Return the loss, at weight one, of balanced factors that fit their product."""
    factor = np.diag(np.array(values) ** (1 / depth))
    problem = dmf.Problem(np.diag(values), [len(values)] * (depth - 1), 1.0)
    return problem.loss([factor] * depth)


def counted(spectrum, hidden_widths, reg):
    """Return how many orbits of critical points of each kind there are."""
    problem = dmf.Problem(np.diag(spectrum), hidden_widths, reg)
    return Counter(point.kind for point in dmf.critical_points(problem))


def numbers():
    """Yield page, template and values of each paragraph."""
    page = "foundations/exact_derivatives"
    network = dmf.Problem(np.zeros((10, 784)), (300, 100))
    yield (
        page,
        r"Layers of widths 784, 300, 100 and 10 have %s weights, and the Hessian has $N^2$ entries, %.0f GB in double"
        r" precision. The matrix of the proposition has %s rows, for any hidden widths.",
        (f"{network.size:,}", network.size**2 * 8 / 1e9, f"{10 * 784:,}"),
    )
    ones = [np.eye(2)] * 3
    plain, decayed = (dmf.Problem(np.eye(2), (2, 2), reg) for reg in (0.0, 0.1))
    yield (
        page,
        r"Three identity layers of width 2 have $\norm{A_l}_F^2 = \norm{B_l}_F^2 = 2$, so the trace is %.0f without weight decay"
        r" and %.1f at $\lambda = 0.1$, whatever the target is.",
        (dmf.hessian_trace(plain, ones), dmf.hessian_trace(decayed, ones)),
    )

    page = "foundations/one_singular_value"
    fold = float(dmf.fold_threshold(0.3, 4))
    roots = [float(each) for each in dmf.stationary_values(1.0, 0.3, 4)]
    yield (
        page,
        r"At $\lambda = 0.3$ and $L = 4$ the fold is at $m_f \approx %.2f$. The target $m = 1$ is above it and has two stationary"
        r" values, $w \approx %.2f$ and $w \approx %.2f$.",
        (fold, *roots),
    )
    collapse = float(dmf.collapse_threshold(0.3, 4))
    below = roots[1] ** 4
    yield (
        page,
        r"At $\lambda = 0.3$ and $L = 4$ the threshold is $m_c \approx %.2f$. For $m = 1$, between $m_f$ and $m_c$, zero has the"
        r" loss 1 and the larger root, with $s \approx %.2f$, the loss %.2f: it is a local minimizer and not the global one.",
        (collapse, below, (1 - below) ** 2 + 0.3 * 4 * roots[1] ** 2),
    )
    yield (
        page,
        r"At $\lambda = 0.3$ and $L = 4$ the minimizer is zero up to $m_c \approx %.2f$ and jumps there to $s_c \approx %.2f$, two"
        r" thirds of it. With two layers a target of %.2f keeps %.2f.",
        (
            collapse,
            dmf.shrink(collapse * (1 + 1e-12), 0.3, 4),
            collapse,
            dmf.shrink(collapse, 0.3, 2),
        ),
    )
    yield (
        page,
        r"The target $m = 1$ bears $\lambda_c = %.0f$ with two layers, $%.2f$ with three, $%.3f$ with four and $%.3f$ with ten.",
        tuple(float(dmf.critical_reg(1.0, depth)) for depth in (2, 3, 4, 10)),
    )

    page = "regularized/the_end_to_end_problem"
    yield (
        page,
        r"The singular values 4 and 1 cost $%.0f \lambda$ with two layers, and so do 5 and 0. With four layers they cost $%.0f"
        r" \lambda$ and $%.2f \lambda$: depth prefers the lower rank.",
        (price([4, 1], 2), price([4, 1], 4), price([5, 0], 4)),
    )
    yield (
        page,
        r"With three layers, no bottleneck and $\lambda = 0.3$ the singular values 3, 2, 1.2 and 0.6 become %.2f, %.2f, %.2f and %.0f.",
        tuple(kept([3, 2, 1.2, 0.6], (4, 4), 0.3)),
    )

    page = "regularized/balance_and_layer_norms"
    point = dmf.global_minimizer(dmf.Problem(np.diag([3.0, 2.0]), (2,), [0.1, 0.4]))
    yield (
        page,
        r"Two layers with the weights 0.1 and 0.4 have $\bar\lambda = 0.2$. The target with singular values 3 and 2 becomes %.1f and"
        r" %.1f, and the squared norms of the layers are %.1f and %.1f: the cheaper one carries four times as much, and"
        r" $\lambda_l \norm{W_l}_F^2 = %.2f$ for both.",
        (*point.end_to_end_values, *(norms := (point.layer_values**2).sum(axis=1)), 0.1 * norms[0]),
    )

    page = "regularized/one_orbit_one_spectrum"
    point = dmf.global_minimizer(dmf.Problem([[2.0]], (3, 3), 0.3))
    table = dmf.hessian_spectrum(point)
    values, often = np.unique(np.round(table, 8), return_counts=True)
    yield (
        page,
        r"For $m = 2$, $\lambda = 0.3$ and widths 1, 3, 3, 1 the minimizer has $s \approx %.2f$. Its %d eigenvalues are %.2f once, %.1f"
        r" %d times, %.1f %d times and %.0f %d times.",
        (
            point.end_to_end_values[0],
            often.sum(),
            values[3],
            values[2],
            often[2],
            values[1],
            often[1],
            values[0],
            often[0],
        ),
    )

    page = "regularized/all_critical_points"
    shallow = counted([3, 2.4, 2, 1.6, 1.2], (5,), 0.2)
    deep = counted([3, 2.4, 2, 1.6, 1.2], (5, 5), 0.2)
    yield (
        page,
        r"Five different values above the fold, and no bottleneck: %d orbits with two layers, %d of which is a global minimizer."
        r" With three layers there are %d orbits, of which one is a global minimizer, %d are further local minimizers, and"
        r" %d are strict saddles.",
        (
            shallow.total(),
            shallow["global minimizer"],
            deep.total(),
            deep["local minimizer"],
            deep["strict saddle"],
        ),
    )

    page = "regularized/the_spectrum_in_blocks"
    passes = dmf.critical_point(dmf.Problem(np.diag([3.0, 2.0]), (2, 2), 0.3), [1, 1])
    yield (
        page,
        r"With three layers, $\lambda = 0.3$ and singular values 3 and 2, let both modes be on their smaller roots. Nothing is inactive,"
        r" so the index is $\tfrac12 \cdot 2 \cdot 3 = %d$, and the least eigenvalue is %.3f.",
        (passes.morse_index, dmf.hessian_extremes(passes)[0]),
    )

    page = "regularized/trace_and_sharpness"
    point = dmf.global_minimizer(dmf.Problem(np.diag([3.0, 2, 1.2, 0.6]), (4, 4), 0.3))
    decay = 2 * 0.3 * 3 * 16
    bound = 2 * 3 * 16 ** (1 / 3) * point.end_to_end_values.sum() ** (4 / 3)
    yield (
        page,
        r"Three layers of width 4, $\lambda = 0.3$, singular values 3, 2, 1.2 and 0.6: the trace at the minimizer is %.1f, the bound"
        r" is %.1f, and %.1f of either are weight decay's own.",
        (point.trace, bound + decay, decay),
    )
    w = point.mode_values
    two = 2 * (3 + 2) * (w[0] ** 3 - w[1] ** 3) / (w[0] ** 2 - w[1] ** 2)
    yield (
        page,
        r"At the same minimizer the three candidates are %.2f, %.2f and %.1f: the leading mode is the sharpest direction, and steps"
        r" shorter than $2 / %.2f \approx %.3f$ keep gradient descent there.",
        (
            6 * w[0] ** 4 - 2 * 0.3,
            two,
            4 * 0.3,
            dmf.hessian_extremes(point)[1],
            2 / dmf.hessian_extremes(point)[1],
        ),
    )

    page = "regularized/collapse"
    yield (
        page,
        r"With three layers the singular values 3, 2 and 1.2 go at $\bar\lambda \approx %.2f$, $%.2f$ and $%.2f$, the smallest first,"
        r" and each takes half of itself along. Two layers lose them at 3, 2 and 1.2.",
        tuple(float(dmf.critical_reg(value, 3)) for value in (3.0, 2.0, 1.2)),
    )
    over = dmf.critical_point(dmf.Problem([[3.0]], (1, 1), 0.5), [1])
    yield (
        page,
        r"For $\sigma_1 = 3$, $L = 3$ and $\bar\lambda = 0.5$ the pass is at $s_- \approx %.4f$ and the wall $\mathfrak{b} \approx %.4f$ high,"
        r" while $F(0)$ is 9 or more: low, and still a start below it never gets out.",
        (over.end_to_end_values[0], over.loss - 9),
    )

    half = [float(dmf.shrink(1.0, dmf.critical_reg(1.0, depth) / 2, depth)) for depth in (3, 4)]
    yield (
        page,
        r"At half of its critical weight a mode keeps %.0f %% of its singular value with three layers and %.0f %% with"
        r" four; with two it keeps half.",
        tuple(100 * each for each in half),
    )

    page = "linear_networks/from_a_matrix_to_a_network"
    mean, summed = (0.5 * 1e-4 * count for count in (600_000, 60_000))
    yield (
        page,
        r"A network with 10 outputs is trained on 60,000 samples with `MSELoss()`, `weight_decay` $10^{-4}$ and a learning rate of 0.1."
        r" Here that is $a = 1 / 600{,}000$, $\lambda = %.0f$ and a step of $%.1f \cdot 10^{-7}$. With a loss that is averaged over"
        r" samples and summed over outputs the same settings are $\lambda = %.0f$ and a step of $%.1f \cdot 10^{-6}$.",
        (mean, 0.1 / 600_000 / 1e-7, summed, 0.1 / 60_000 / 1e-6),
    )

    page = "small_initialization/initialization_scale"
    yield (
        page,
        r"With $\eta = 0.25$ and a leading eigenvalue of 1, a start that is ten times smaller takes $\ln 10 / \ln 1.25 \approx %.0f$"
        r" more steps. Where $\rho = 0.3$ it ends with an error that is $10^{2 (1 - \rho)} \approx %.0f$ times smaller.",
        (np.log(10) / np.log(1.25), 10**1.4),
    )

    page = "sharpness/exact_sharpness"
    yield (
        page,
        r"The number 1 as $3 \cdot \tfrac13$ has sharpness %.1f, as $1 \cdot 1$ it has %.0f.",
        (
            dmf.sharpness([np.array([[3.0]]), np.array([[1 / 3]])]),
            dmf.sharpness([np.eye(1), np.eye(1)]),
        ),
    )

    page = "sharpness/flat_minima"
    least = [float(dmf.flat_sharpness([[3.0]], depth)) for depth in (2, 3, 10)]
    yield (
        page,
        r"For $\sigma_1 = 3$ the least sharpness is %.0f with two layers, %.1f with three and %.1f with ten; for $\sigma_1 = 1$ it"
        r" is $2 L$.",
        tuple(least),
    )
    t = np.sqrt(1 + 0.75)
    second = np.diag([1, t]), np.diag([1, 0.5 / t]), np.eye(2)
    longer = np.diag([1, 1.1 * t]), np.diag([1, 0.5 / (1.1 * t)]), np.eye(2)
    yield (
        page,
        r"Three layers and $\diag(1, \tfrac12)$: $t \approx %.2f$, so that the first layer may make the second mode %.0f %% larger than"
        r" the first. The sharpness is still %.0f. With a tenth more, at $t \approx %.2f$, it is %.2f.",
        (t, 100 * (t - 1), dmf.sharpness(second), 1.1 * t, dmf.sharpness(longer)),
    )

    page = "sharpness/escape"
    steep = dmf.sharpness([np.array([[3.0]]), np.array([[1 / 3]])])
    yield (
        page,
        r"The number 1 as $3 \cdot \tfrac13$ has $h_{\max} \approx %.1f$ and bears steps up to $2 / h_{\max} \approx %.2f$. At $\eta = 0.12$"
        r" the distance grows by the factor $\eta h_{\max} - 1 \approx %.2f$ a step: from a billionth to a tenth in %d steps.",
        (
            steep,
            2 / steep,
            0.12 * steep - 1,
            np.ceil(np.log(1e8) / np.log(0.12 * steep - 1)),
        ),
    )
    yield (
        page,
        r"A minimum with $h_{\max} = %.1f$ bears a step of %.2f without momentum and of %.2f with $\beta = 0.9$.",
        (steep, 2 / steep, 2 * 1.9 / steep),
    )
    yield (
        page,
        r"For $\sigma_1 = 3$ and $L = 3$ the longest step is $\eta_\star \approx %.3f$: a longer one leads to zero loss from almost"
        r" no start.",
        (2 / float(dmf.flat_sharpness([[3.0]], 3)),),
    )

    page = "sharpness/what_training_finds"
    yield (
        page,
        r"At $\lambda = 0.1$ a hundredth of the imbalance is left at $t = \ln 100 / 0.4 \approx %.1f$.",
        (np.log(100) / 0.4,),
    )
    imbalance = 0.1**2 - 3.0**2
    yield (
        page,
        r"The number 1, started at $w_1 = 3$ and $w_2 = 0.1$, has $D = %.2f$, and gradient flow ends with sharpness %.1f. Started at"
        r" $w_1 = w_2 = 0.1$ it ends with %.0f, the least.",
        (imbalance, 2 * np.sqrt(imbalance**2 + 4), dmf.flat_sharpness([[1.0]], 2)),
    )


NUMBERS = [(page, template % values) for page, template, values in numbers()]


def cells(root: Path, page: str) -> list[str]:
    """Return the texts of a chapter, one a cell."""
    notebook = json.loads((root / "book" / f"{page}.ipynb").read_text(encoding="utf-8"))
    return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown"]


def worked(root: Path, page: str) -> list[str]:
    """Return the paragraphs of a chapter that begin with the lead, each on one line."""
    paragraphs = re.split(r"\n\s*\n", "\n\n".join(cells(root, page)))
    flat = [" ".join(each.split()) for each in paragraphs]
    return [each.removeprefix(LEAD) for each in flat if each.startswith(LEAD)]


@pytest.mark.parametrize("chapter", sorted({page for page, _ in NUMBERS}))
def test_numbers_in_the_text_are_those_of_the_package(chapter: str, root: Path) -> None:
    assert worked(root, chapter) == [text for page, text in NUMBERS if page == chapter]


def test_no_number_is_worked_out_unchecked(root: Path) -> None:
    pages = {path.relative_to(root / "book") for path in (root / "book").glob("*/*.ipynb")}
    stray = [page for page in pages if worked(root, page.with_suffix("").as_posix())]
    assert {page.with_suffix("").as_posix() for page in stray} == {page for page, _ in NUMBERS}
