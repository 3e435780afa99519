"""The five lines of torch: its own Hessian, in its own order of parameters, has the known eigenpairs.

Skipped where torch is absent; ``make benchmark`` runs it.
"""

import numpy as np
import pytest
from strategies import EPS
from yardstick.networks import CASES, made

import dmfbook as dmf

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", [name for name in CASES if "(9, 6, 8)" in name])
def test_hessian_of_torch_has_the_known_spectrum(name):
    known = made(CASES[name])
    weights = [torch.tensor(weight, requires_grad=True) for weight in known.factors]
    inputs, outputs = torch.tensor(known.inputs), torch.tensor(known.outputs)
    loss = known.objective(weights, inputs, outputs)
    slopes = torch.autograd.grad(loss, weights, create_graph=True)
    values, directions = known.eigenpairs("largest", 3)
    resolution = 100 * max(known.problem.widths) * EPS * known.largest
    for value, direction in zip(values, directions, strict=True):
        tensors = [torch.tensor(block) for block in direction]
        images = torch.autograd.grad(slopes, weights, tensors, retain_graph=True)
        image = torch.cat([block.ravel() for block in images]).numpy()
        vector = dmf.flatten(direction, order="C")
        assert np.abs(image - value * vector).max() <= resolution


@pytest.mark.parametrize("name", [name for name in CASES if "(9, 6, 8)" in name])
def test_module_with_weight_decay_has_the_objective(name):
    known = made(CASES[name])
    widths = known.problem.widths
    layers = [
        torch.nn.Linear(before, after, bias=False, dtype=torch.float64)
        for before, after in zip(widths[:-1], widths[1:], strict=True)
    ]
    model = torch.nn.Sequential(*layers)
    torch.nn.utils.vector_to_parameters(torch.tensor(known.parameters), model.parameters())
    inputs, outputs = torch.tensor(known.inputs), torch.tensor(known.outputs)
    decay = known.reg * sum((weight**2).sum() for weight in model.parameters())
    loss = ((model(inputs) - outputs) ** 2).sum() + decay
    expected = known.objective(known.factors, known.inputs, known.outputs)
    # At zero loss there is nothing left but the square of the rounding of the outputs.
    rounding = (100 * EPS) ** 2 * float((outputs**2).sum())
    assert loss.item() == pytest.approx(expected, rel=1e-12, abs=rounding)
