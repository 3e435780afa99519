"""Factors of a network that another library holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dmfbook._validation import Array, factor_list, matrix

# Layers that hand on what they get, by the name of their class.
IDENTITIES = {"Identity", "Flatten", "Unflatten", "ModuleList"}
DROPOUTS = {"Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"}


def factors_from(model: Any) -> list[Array]:
    """Weights of the bias-free linear layers of a torch module, as factors.

    Nothing is imported: a module is what has `modules` and whose linear layers have a `weight` of two axes, (out, in).

    Parameters
    ----------
    model : torch.nn.Module
        A ``Sequential`` of linear layers without bias, or a module of one's own made of them. Identities, flattening
        and dropout that is switched off may stand between them.

    Returns
    -------
    list of L arrays, shapes (d_l, d_{l-1})
        Float64 copies, first applied first: the network maps x to ``W_L ⋯ W_1 x``.

    Raises
    ------
    ValueError, TypeError
        If `model` is no module, one of its layers has a bias, is used twice or is not linear, its weights do not
        follow each other, or there are fewer than two.

    Notes
    -----
    A module of one's own says only when it is called what it does with its layers, so that is tried, on three random
    inputs. The order of parameters in torch is that of ``flatten(factors, order="C")``.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> from types import SimpleNamespace
    >>> layers = [SimpleNamespace(weight=w, bias=None) for w in ([[1.0], [2.0]], [[3.0, 4.0]])]
    >>> dmf.factors_from(SimpleNamespace(modules=lambda: layers))
    [array([[1.],
           [2.]]), array([[3., 4.]])]
    """
    weights, names, is_known = [], [], True
    for name, module in _modules(model):
        weight = getattr(module, "weight", None)
        if weight is not None:
            _check_linear(name, module)
            weights.append(weight)
            names.append(name)
        elif not _is_container(module, model):
            _check_identity(name, module)
        else:
            _check_parameters(name, module, allowed=())
            is_known &= "Sequential" in _class_names(module)
    if len({id(weight) for weight in weights}) < len(weights):
        raise ValueError("model must not use a layer twice: its weights are then not independent")
    factors = factor_list([_as_array(name, w) for name, w in zip(names, weights, strict=True)])
    if not is_known and hasattr(weights[0], "new_tensor"):
        _check_forward(model, weights[0], factors)
    return factors


def _modules(model: Any) -> Iterator[tuple[str, Any]]:
    """All modules and their names, also those that come twice."""
    if callable(getattr(model, "named_modules", None)):
        try:
            yield from model.named_modules(remove_duplicate=False)
        except TypeError:
            yield from model.named_modules()
    elif callable(getattr(model, "modules", None)):
        yield from ((str(i), module) for i, module in enumerate(model.modules()))
    else:
        raise TypeError(
            f"model must be a torch module, one with modules(), got {type(model).__name__}"
        )


def _class_names(module: Any) -> set[str]:
    return {parent.__name__ for parent in type(module).__mro__}


def _is_container(module: Any, model: Any) -> bool:
    children = getattr(module, "children", None)
    return module is model or (callable(children) and any(True for _ in children()))


def _check_linear(name: str, module: Any) -> None:
    of_torch = type(module).__module__.startswith("torch.")
    if np.ndim(_detached(module.weight)) != 2 or (
        of_torch and "Linear" not in _class_names(module)
    ):
        raise TypeError(f"model must have linear layers only, got {name}: {type(module).__name__}")
    if getattr(module, "bias", None) is not None:
        raise ValueError(f"layers must have no bias, got one in {name}: {type(module).__name__}")
    _check_parameters(name, module, allowed=("weight", "bias"))


def _check_identity(name: str, module: Any) -> None:
    kinds = _class_names(module)
    is_off = not getattr(module, "training", True) or getattr(module, "p", None) == 0
    if not (kinds & (IDENTITIES | {"Sequential"}) or (kinds & DROPOUTS and is_off)):
        hint = " that is switched on: call model.eval() first" if kinds & DROPOUTS else ""
        raise TypeError(
            f"model must have linear layers only, got {name}: {type(module).__name__}{hint}"
        )


def _check_parameters(name: str, module: Any, allowed: tuple[str, ...]) -> None:
    """Refuse parameters that would have a part in what the module does."""
    own = {key for key, value in getattr(module, "_parameters", {}).items() if value is not None}
    if own - set(allowed):
        raise TypeError(
            f"model must have no parameters but weights of linear layers, got {sorted(own - set(allowed))} in "
            f"{name or 'the model'}: {type(module).__name__}"
        )


def _check_forward(model: Any, weight: Any, factors: list[Array]) -> None:
    """Refuse a module that does something else with its layers."""
    inputs = np.random.default_rng(0).standard_normal((3, factors[0].shape[1]))
    try:
        outputs = _as_array("the model's output", model(weight.new_tensor(inputs)))
    except (RuntimeError, TypeError, ValueError) as error:
        raise TypeError(
            f"model must take inputs of shape {inputs.shape} like its first layer: {error}"
        ) from None
    expected, size = inputs.T, abs(inputs.T)
    for factor in factors:
        expected, size = factor @ expected, abs(factor) @ size
    # Half the digits of single precision are enough to tell another function.
    if outputs.shape != expected.T.shape or (abs(outputs - expected.T) > 1e-3 * size.T).any():
        raise TypeError(
            f"{type(model).__name__} must apply its linear layers one after the other in the "
            "order of its attributes, and do nothing else; hand over a Sequential"
        )


def _detached(tensor: Any) -> Any:
    """A tensor as a NumPy array in double precision, wherever it lives and whatever it requires."""
    for method in ("detach", "cpu", "double", "numpy"):
        tensor = getattr(tensor, method, lambda tensor=tensor: tensor)()
    return tensor


def _as_array(name: str, tensor: Any) -> Array:
    return matrix(f"the weight of {name}" if name else "the weight", _detached(tensor)).copy()
