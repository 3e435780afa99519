"""The conventions of torch: the README's use is run on a real model, and compared entry by entry.

Skipped where torch is absent; ``make benchmark`` runs it.
"""

import re
from pathlib import Path

import numpy as np
import pytest

import dmfbook as dmf

torch = pytest.importorskip("torch")
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def doubles():
    """Torch in double precision, with a seed."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def use_of_the_readme():
    """Names that the README's ten lines leave behind."""
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    (block,) = (block for block in blocks if "torch" in block)
    assert len([line for line in block.splitlines() if line.strip()]) <= 10
    names = {}
    exec(block, names)
    return names


def objective(model, inputs, outputs, weight_decay):
    """What an optimizer with this weight decay minimizes, as a function of all parameters in one vector."""
    shapes = [parameter.shape for parameter in model.parameters()]
    sizes = [shape.numel() for shape in shapes]

    def value(vector):
        answers = inputs
        for part, shape in zip(vector.split(sizes), shapes, strict=True):
            answers = answers @ part.reshape(shape).T
        return torch.nn.MSELoss()(answers, outputs) + weight_decay / 2 * vector @ vector

    return value, torch.cat([parameter.detach().ravel() for parameter in model.parameters()])


# What torch says about itself.
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_the_hessian_of_a_torch_network_entry_by_entry(doubles):
    names = use_of_the_readme()
    value, vector = objective(*(names[n] for n in ("model", "inputs", "outputs", "weight_decay")))
    expected = torch.func.hessian(value)(vector).numpy()
    size = np.abs(expected).max()
    # Both sum 500 samples.
    np.testing.assert_allclose(names["hessian"], expected, rtol=0, atol=1e-12 * size)


def test_loss_and_gradient_of_a_torch_network(doubles):
    names = use_of_the_readme()
    value, vector = objective(*(names[n] for n in ("model", "inputs", "outputs", "weight_decay")))
    problem, factors = names["problem"], dmf.factors_from(names["model"])
    assert problem.loss(factors) == pytest.approx(float(value(vector)), rel=1e-12)
    gradient = torch.func.grad(value)(vector).numpy()
    np.testing.assert_allclose(
        dmf.flatten(problem.gradient(factors), order="C"), gradient, rtol=0, atol=1e-13
    )


def test_a_training_step_is_a_step_of_descent(doubles):
    names = use_of_the_readme()
    problem, model = names["problem"], names["model"]
    start = dmf.factors_from(model)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=0.9, weight_decay=names["weight_decay"]
    )
    for _ in range(5):
        optimizer.zero_grad()
        torch.nn.MSELoss()(model(names["inputs"]), names["outputs"]).backward()
        optimizer.step()
    run = dmf.gradient_descent(problem, start, 0.1, 5, momentum=0.9)
    for ours, theirs in zip(run.factors, dmf.factors_from(model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)
