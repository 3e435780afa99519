"""The networks as modules of torch."""

import torch

from benchmarks.peers.case import Case


class Penalized(torch.nn.Module):
    """A module with weight decay, as a least-squares problem: its parameters are further outputs, which should be zero."""

    def __init__(self, layers: torch.nn.Module, reg: float) -> None:
        super().__init__()
        self.layers, self.root = layers, reg**0.5

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        weights = [self.root * weight.flatten() for weight in self.layers.parameters()]
        return torch.cat([self.layers(inputs).flatten(), *weights])


def dtype(case: Case) -> torch.dtype:
    """The precision of a case."""
    return getattr(torch, case.precision)


def module(case: Case) -> tuple[torch.nn.Module, torch.nn.Module, torch.Tensor, torch.Tensor]:
    """A model, a criterion, inputs and targets, whose loss is the network's."""
    # The tools draw their vectors in the default precision.
    torch.set_default_dtype(dtype(case))
    torch.manual_seed(case.seed)
    known, layers = case.known, []
    for factor in known.factors:
        layer = torch.nn.utils.skip_init(torch.nn.Linear, *reversed(factor.shape), bias=False)
        layer.weight.data = tensor(case, factor)
        layers.append(layer)
    model = torch.nn.Sequential(*layers)
    inputs, targets = tensor(case, known.inputs), tensor(case, known.outputs)
    if known.reg:
        targets = torch.cat([targets.flatten(), torch.zeros(known.size)])
        model = Penalized(model, known.reg)
    return model, torch.nn.MSELoss(reduction="sum"), inputs, targets


def tensor(case: Case, array) -> torch.Tensor:
    """An array in the precision of a case."""
    return torch.tensor(array, dtype=dtype(case))
