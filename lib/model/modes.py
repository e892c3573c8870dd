"""Modes: a model is trained or it is used, and what wraps it is taken off."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Inside this every part of the model is in evaluation: dropout is off.

    Afterwards each part has the mode that it had before, also when an error was raised.
    """
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


def unwrap(model: nn.Module) -> nn.Module:
    """The model itself, without the wrappers of `torch.compile` and of DDP.

    The weights of what it returns have the names that they had before the wrapping.
    """
    while True:
        if hasattr(model, "_orig_mod"):  # torch.compile
            model = model.get_submodule("_orig_mod")
        elif isinstance(model, nn.parallel.DistributedDataParallel):
            model = model.module
        else:
            return model
