"""Networks of all kinds with a known spectrum, small enough for dense eigensolvers."""

import numpy as np

import dmfbook as dmf

MAKERS = {
    "zero loss": dmf.zero_loss_network,
    "minimizer": dmf.minimizer_network,
    "saddle": dmf.saddle_network,
}
# Rectangular, with bottlenecks and spare units at either end; two layers only where a saddle is possible.
WIDTHS = [(9, 6, 8), (12, 8, 9, 10), (10, 11, 10, 8, 10), (7, 9, 8, 11)]
INPUTS = {"white": None, "on isotropic data": 1.0, "on data": 20.0}
ENDS = {
    "simple": {},
    "multiple": {"leading": 3, "gap": 0.03},
    "cluster": {"leading": 3, "spread": 1e-3},
    "large": {"largest": 1e6},
}
DOMINANT = {"dominance": 1.3}


def asked(maker, **asks):
    """What a maker understands of these."""
    if maker == "saddle":
        return {"index": 2} | asks
    return {"condition": 700.0} | asks


def cases():
    """Names, and makers of one network each."""
    for inputs, condition in INPUTS.items():
        for maker, make in MAKERS.items():
            for widths in WIDTHS:
                for end, asks in ENDS.items():
                    known = asked(maker, **asks) | {"inputs_condition": condition}
                    yield f"{maker} {inputs} {widths} {end}", (make, widths, known)
        for index in (1, 3):
            known = DOMINANT | {"index": index, "inputs_condition": condition}
            yield f"dominant {inputs} {index}", (dmf.saddle_network, (8, 6, 7, 6, 7, 6), known)


def made(case, seed=0):
    make, widths, asks = case
    return make(widths, np.random.default_rng(seed), **asks)


CASES = dict(cases())
