"""What becomes of the book's statements on data that are not white: the table of a page, written once."""

from __future__ import annotations

from dataclasses import dataclass

STANDS = "stands"
WITH_Q = "with Q"
NEEDS_WHITE = "white only"
ELSEWHERE = "no inputs"


@dataclass(frozen=True)
class Row:
    """Statements with one fate on data, by label, and what changes in them, or why."""

    labels: tuple[str, ...]
    fate: str
    note: str


ROWS: tuple[Row, ...] = (
    Row(
        ("thm-schatten", "prop-weights"),
        STANDS,
        "the loss is not in it, or may be any function of the product",
    ),
    Row(
        ("thm-balance", "thm-layer-values", "thm-layer-norms", "thm-one-orbit", "thm-one-spectrum"),
        STANDS,
        "for every loss, {prf:ref}`thm-any-balance`, {prf:ref}`thm-any-spectrum`",
    ),
    Row(
        (
            "thm-stability",
            "thm-settle",
            "cor-nowhere-flatter",
            "thm-local-rate",
            "prop-heavy-ball",
            "prop-escape-time",
        ),
        STANDS,
        "needs a polynomial only, and one spectrum",
    ),
    Row(
        (
            "thm-conservation",
            "prop-drift",
            "thm-depth-rates",
            "prop-self-balance",
            "thm-scaled-path",
        ),
        STANDS,
        "for every loss",
    ),
    Row(
        ("prop-rate-by-subspaces",),
        STANDS,
        r"for $\mathcal{A}(X) = X X_{\mathrm{in}}$, if the data can be fitted",
    ),
    Row(
        (
            "thm-fold",
            "thm-collapse",
            "cor-jump",
            "thm-critical-regularization",
            "thm-uniqueness",
            "cor-soft-threshold",
            "cor-scalar-spectrum",
            "cor-sharpness-scalar",
            "obs-escape",
            "thm-two-vectors",
            "prop-best-conditioned",
            "thm-two-cycle",
            "prop-bounded-cycles",
        ),
        STANDS,
        r"one input is always white, {prf:ref}`cor-white-inputs`",
    ),
    Row(
        ("thm-gradient", "thm-hessian", "prop-operator", "thm-trace", "prop-gauss-newton"),
        WITH_Q,
        r"$B_l Q$ for $B_l$ and $\widetilde M - X Q$ for $R$, {prf:ref}`thm-input-layer`",
    ),
    Row(
        (
            "thm-sharpness",
            "cor-sharpest-direction",
            "cor-sharpness-two-layers",
            "prop-sharpness-bound",
        ),
        WITH_Q,
        r"$B_l Q$ for $B_l$, {prf:ref}`thm-sharpness-data`",
    ),
    Row(
        ("thm-behind-a-bottleneck", "prop-bottleneck-extremes"),
        WITH_Q,
        r"with $\widetilde M$ and $X Q$",
    ),
    Row(
        ("thm-sharpness-behind-a-bottleneck",),
        WITH_Q,
        r"both bounds; $Q$ is a first layer with spare parts, so equality is lost, at $L = 2$ too",
    ),
    Row(
        ("prop-some-weights-vanish",),
        WITH_Q,
        r"the singular values of $\widetilde M$: $X Q$ runs over all matrices of such a rank",
    ),
    Row(
        ("thm-exact-trace", "thm-trace-bound", "thm-flattest-trace"),
        WITH_Q,
        r"$\beta_l = \tr S (X^\top X)^{(l-1)/L}$ for equal weights; $\tr S$ for $d_0$ and $X Q$ for $X$ in the bound, {prf:ref}`thm-flattest-trace-data`",
    ),
    Row(
        ("prop-zero-local-minimizer",),
        WITH_Q,
        r"stands for $L \ge 3$, {prf:ref}`prop-any-zero`; for $L = 2$ with $C$ in place of $M$",
    ),
    Row(
        (
            "thm-end-to-end",
            "prop-bottleneck",
            "thm-all-critical-points",
            "thm-kinds",
            "cor-strict-saddles",
        ),
        NEEDS_WHITE,
        "modes do not decouple: the matrices listed are not critical, as drawn below",
    ),
    Row(
        ("cor-no-spurious",),
        NEEDS_WHITE,
        "behind a bottleneck, {prf:ref}`prop-spurious`",
    ),
    Row(
        (
            "thm-blocks",
            "thm-closed-spectrum",
            "thm-morse-index",
            "thm-sharpness-minimizer",
            "prop-carrier",
            "thm-least-eigenvalue",
            "thm-modes-decouple",
            "thm-strict-two-layers",
            "thm-width-and-strictness",
            "thm-strict-deep",
            "prop-walk",
            "obs-arrivals",
        ),
        NEEDS_WHITE,
        "they start from the list of critical points",
    ),
    Row(
        ("thm-missing-modes",),
        NEEDS_WHITE,
        "correlated inputs teach the first layer what it lacks",
    ),
    Row(
        ("obs-trained-behind-a-bottleneck",),
        NEEDS_WHITE,
        "measured for white inputs alone",
    ),
    Row(
        (
            "prop-large-signals",
            "thm-best-denoising-depth",
            "obs-best-guarantee",
            "obs-denoising-at-finite-size",
        ),
        NEEDS_WHITE,
        "they shrink singular values one by one",
    ),
    Row(
        (
            "thm-plain-condition",
            "thm-scaled-rate",
            "thm-damped-modes",
            "cor-heron",
            "prop-damped-steps",
        ),
        NEEDS_WHITE,
        "the inputs have a condition number of their own",
    ),
    Row(
        (
            "thm-collapse-matrix",
            "thm-staircase",
            "cor-steps",
            "thm-barrier",
            "cor-hysteresis",
            "thm-passes",
            "cor-basins",
        ),
        NEEDS_WHITE,
        "the critical weight of {py:func}`dmfbook.critical_reg_of` is another function of the data",
    ),
    Row(
        (
            "thm-flat-value",
            "thm-flat-path",
            "prop-flat-condition",
            "cor-flat-necessary",
            "prop-flat-not-necessary",
            "prop-flat-blocks",
            "cor-largest-step",
            "cor-balanced-start",
            "prop-flattest-factors",
            "thm-one-favourite",
            "thm-determinant-attained",
            "prop-two-layers-agree",
            "prop-least-frobenius",
            "thm-never-balanced",
            "prop-inner-layer",
            "obs-sharpness-aware",
            "obs-noise-favourite",
        ),
        NEEDS_WHITE,
        "a flat network answers to its inputs, {prf:ref}`thm-flat-value-data`, {prf:ref}`thm-path-data`",
    ),
    Row(
        (
            "prop-sensing-trace",
            "thm-trace-under-rip",
            "prop-second-moments",
            "prop-weighted-nuclear-norm",
            "cor-nuclear-norm",
            "cor-convex-at-depth-two",
            "obs-flat-recovery",
            "obs-label-noise",
            "thm-spectral-phase",
            "cor-alignment",
            "thm-full-flow",
            "prop-signal-and-noise",
            "obs-three-phases",
            "thm-error-floor",
            "obs-power-law",
            "obs-width",
            "obs-large-start",
            "prop-race",
            "obs-depth",
            "obs-scaled-completion",
            "obs-damped-small-starts",
        ),
        ELSEWHERE,
        "about measurements, or one symmetric factor",
    ),
)


def markdown(rows: tuple[Row, ...] = ROWS) -> str:
    """The table as a page shows it."""
    lines = ["| statement | on data | what changes, or why |", "|---|---|---|"]
    for row in rows:
        names = ", ".join(f"{{prf:ref}}`{label}`" for label in row.labels)
        lines.append(f"| {names} | {row.fate} | {row.note} |")
    return "\n".join(lines)
