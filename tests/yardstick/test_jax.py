"""The five lines of jax: its own Hessian, in its own order of parameters, has the known spectrum and eigenpairs.

Skipped where jax is absent; ``make benchmark`` runs it.
"""

import numpy as np
import pytest
from strategies import EPS
from yardstick.networks import CASES, made

import dmfbook as dmf

jax = pytest.importorskip("jax")
flatten_util = pytest.importorskip("jax.flatten_util")


@pytest.fixture(autouse=True)
def double_precision():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", [name for name in CASES if "(9, 6, 8)" in name])
def test_hessian_of_jax_has_the_known_spectrum(name):
    known = made(CASES[name])
    parameters, unravel = flatten_util.ravel_pytree(list(known.factors))
    assert np.array_equal(parameters, known.parameters)

    def loss(vector):
        return known.objective(unravel(vector), known.inputs, known.outputs)

    dense = np.asarray(jax.hessian(loss)(parameters))
    resolution = 100 * max(known.problem.widths) * EPS * known.largest
    assert np.abs(np.linalg.eigvalsh(dense) - known.spectrum()).max() <= resolution
    values, directions = known.eigenpairs("largest", 3)
    vectors = np.array([dmf.flatten(direction, order="C") for direction in directions])
    assert np.abs(dense @ vectors.T - vectors.T * values).max() <= resolution
