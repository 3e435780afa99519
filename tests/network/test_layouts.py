"""Networks of other libraries: layers that stand in for torch's, and torch itself where it is installed."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from strategies import exact_cases

import dmfbook as dmf

RNG = np.random.default_rng(1)
WEIGHTS = [RNG.standard_normal(shape).astype("float32") for shape in ((4, 3), (2, 4), (5, 2))]


class Module:
    """A module of another library, as far as it is looked at."""

    def __init__(self, *layers, **attributes):
        self._layers = layers
        self.__dict__.update(attributes)

    def children(self):
        return iter(self._layers)

    def named_modules(self, prefix=""):
        yield prefix, self
        for i, layer in enumerate(self._layers):
            yield from layer.named_modules(f"{prefix}{i}")


class Sequential(Module):
    pass


class Linear(Module):
    def __init__(self, weight, bias=None, **attributes):
        super().__init__(weight=weight, bias=bias, **attributes)


class Tensor:
    """A tensor that says no to NumPy before it is detached and moved."""

    def __init__(self, array, on="gpu"):
        self._array, self._on = array, on

    def detach(self):
        return Tensor(self._array, "detached")

    def cpu(self):
        assert self._on == "detached"
        return Tensor(self._array, "cpu")

    def numpy(self):
        assert self._on == "cpu"
        return self._array


class First(Tensor):
    """The weight of a first layer, from which inputs like it are made."""

    def new_tensor(self, array):
        return np.asarray(array, dtype="float32")


class Own(Module):
    """A module of one's own, with a first layer that makes inputs; what it does with its layers is `forward`."""

    def __init__(self, forward, weights=WEIGHTS):
        self._weights = weights
        super().__init__(Linear(First(weights[0])), *map(Linear, weights[1:]))
        self._forward = forward

    def __call__(self, inputs):
        return self._forward(inputs, *self._weights)


class Dropout(Module):
    pass


class Identity(Module):
    pass


class ReLU(Module):
    pass


def layers():
    return [Linear(weight) for weight in WEIGHTS]


@pytest.mark.parametrize(
    "model",
    [
        Sequential(*layers()),
        Sequential(*[Linear(Tensor(weight)) for weight in WEIGHTS]),
        Sequential(
            Sequential(*layers()[:2]), Identity(), Dropout(p=0.5, training=False), layers()[2]
        ),
        Sequential(layers()[0], Dropout(p=0.0, training=True), *layers()[1:]),
        Module(*layers()),
        SimpleNamespace(modules=lambda: layers()),
    ],
)
def test_weights_come_in_the_order_of_application(model):
    found = dmf.factors_from(model)
    assert [factor.dtype for factor in found] == [np.float64] * 3
    for factor, weight in zip(found, WEIGHTS, strict=True):
        np.testing.assert_array_equal(factor, weight)
        assert factor.flags.writeable and not np.shares_memory(factor, weight)


LAYER = Linear(np.ones((3, 3)))
BAD_MODELS = {
    "no module": (
        WEIGHTS,
        TypeError,
        r"model must be a torch module, one with modules\(\), got list",
    ),
    "bias": (
        Sequential(LAYER, Linear(np.ones((3, 3)), np.ones(3))),
        ValueError,
        "no bias, got one in 1",
    ),
    "activation": (
        Sequential(LAYER, ReLU(training=False), LAYER),
        TypeError,
        "linear layers only, got 1: ReLU$",
    ),
    "dropout": (
        Sequential(LAYER, Dropout(p=0.5, training=True)),
        TypeError,
        r"call model.eval\(\)",
    ),
    "convolution": (
        Sequential(LAYER, Linear(np.ones((3, 3, 1, 1)))),
        TypeError,
        "linear layers only",
    ),
    "norm": (Sequential(LAYER, Linear(np.ones(3))), TypeError, "linear layers only, got 1: Linear"),
    "twice": (Sequential(LAYER, LAYER), ValueError, "must not use a layer twice"),
    "one": (Sequential(LAYER), ValueError, "at least 2 matrices, got 1"),
    "none": (Sequential(), ValueError, "at least 2 matrices, got 0"),
    "do not follow": (Sequential(*layers()[::-1]), ValueError, "must have 5 columns to follow"),
    "parameters": (
        Sequential(LAYER, Linear(np.ones((3, 3)), _parameters={"weight": 1, "scale": 1})),
        TypeError,
        r"no parameters but weights of linear layers, got \['scale'\] in 1",
    ),
    "NaN": (
        Sequential(LAYER, Linear(np.full((3, 3), np.nan))),
        ValueError,
        "the weight of 1 must be finite",
    ),
}


@pytest.mark.parametrize(("model", "error", "message"), BAD_MODELS.values(), ids=BAD_MODELS)
def test_models_that_are_no_products_are_refused(model, error, message):
    with pytest.raises(error, match=message):
        dmf.factors_from(model)


def chain(x, *weights):
    """What a network does: its layers one after the other, on inputs in rows."""
    for weight in weights:
        x = x @ weight.T
    return x


@pytest.mark.parametrize("weights", [WEIGHTS, WEIGHTS[1:], [np.zeros((4, 3)), *WEIGHTS[1:]]])
@pytest.mark.parametrize("scale", [1, 100])
def test_a_module_of_ones_own_is_tried(weights, scale):
    weights = [np.float32(scale) * weight for weight in weights]
    for factor, weight in zip(dmf.factors_from(Own(chain, weights)), weights, strict=True):
        np.testing.assert_array_equal(factor, weight)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda x, a, b, c: chain(x, a, b), "one after the other"),
        (lambda x, a, b, c: chain(x, a, b, c).T, "one after the other"),
        (lambda x, a, b, c: chain(np.maximum(chain(x, a), 0), b, c), "one after the other"),
        (lambda x, a, b, c: chain(x, a, b, c) + 0.1, "one after the other"),
        (lambda x, a, b, c: -chain(x, a, b, c), "one after the other"),
        (
            lambda x, a, b, c: chain(x[:, :2], a, b, c),
            r"take inputs of shape \(3, 3\) like its first",
        ),
    ],
)
def test_a_module_that_does_something_else_is_refused(forward, message):
    with pytest.raises(TypeError, match=message):
        dmf.factors_from(Own(forward))


def test_modules_of_torch():
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Own(nn.Module):
        def __init__(self, swapped=False, bends=False):
            super().__init__()
            self.first, self.second = nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)
            self.swapped, self.bends = swapped, bends

        def forward(self, x):
            one, two = (self.second, self.first) if self.swapped else (self.first, self.second)
            x = one(x)
            return two(torch.relu(x) if self.bends else x)

    own = Own()
    for found, layer in zip(dmf.factors_from(own), (own.first, own.second), strict=True):
        np.testing.assert_array_equal(found, layer.weight.detach().double().numpy())
    for other in (Own(swapped=True), Own(bends=True)):
        with pytest.raises(TypeError, match="one after the other"):
            dmf.factors_from(other)

    widths = (3, 4, 2, 5)
    linear = [nn.Linear(a, b, bias=False, dtype=torch.float64) for a, b in pairwise(widths)]
    model = nn.Sequential(linear[0], nn.Dropout(0.0), *linear[1:])
    factors = dmf.factors_from(model)
    vector = torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    np.testing.assert_array_equal(dmf.flatten(factors, order="C"), vector)
    x = torch.randn(3, dtype=torch.float64)
    np.testing.assert_allclose(dmf.end_to_end(factors) @ x.numpy(), model(x).detach().numpy())
    half = nn.Sequential(*[nn.Linear(2, 2, bias=False, dtype=torch.bfloat16) for _ in range(2)])
    assert dmf.factors_from(half)[0].dtype == np.float64

    square = nn.Linear(3, 3, bias=False)
    refused = {
        "no bias": nn.Sequential(square, nn.Linear(3, 3)),
        "ReLU": nn.Sequential(square, nn.ReLU(), nn.Linear(3, 3, bias=False)),
        "Embedding": nn.Sequential(nn.Embedding(3, 3), square),
        "Conv2d": nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), square),
        "LSTM": nn.Sequential(nn.LSTM(3, 3), square),
        "Norm": nn.Sequential(square, nn.LayerNorm(3)),
        "eval": nn.Sequential(square, nn.Dropout(0.5), nn.Linear(3, 3, bias=False)),
        "twice": nn.Sequential(square, square),
    }
    for message, bad in refused.items():
        with pytest.raises((TypeError, ValueError), match=message):
            dmf.factors_from(bad)


@given(exact_cases())
def test_rows_or_columns_within_a_layer(case):
    problem, factors = case
    rows = np.concatenate([factor.reshape(-1) for factor in factors])
    columns = np.concatenate([factor.T.reshape(-1) for factor in factors])
    np.testing.assert_array_equal(dmf.flatten(factors, order="C"), rows)
    np.testing.assert_array_equal(dmf.flatten(factors, order="F"), columns)
    for order, vector in (("C", rows), ("F", columns)):
        again = dmf.unflatten(vector, problem.widths, order=order)
        for one, other in zip(again, factors, strict=True):
            np.testing.assert_array_equal(one, other)
            assert (
                one.flags.writeable and one.flags.c_contiguous and not np.shares_memory(one, vector)
            )


@pytest.mark.parametrize("order", ["c", "A", "", None, 1, ["C"]])
def test_other_orders_are_refused(order):
    with pytest.raises(ValueError, match=r"order must be 'F' \(columns\) or 'C' \(rows\), got"):
        dmf.flatten([np.ones((2, 1)), np.ones((1, 2))], order=order)
    with pytest.raises(ValueError, match=r"order must be 'F'"):
        dmf.unflatten(np.ones(4), (1, 2, 1), order=order)
