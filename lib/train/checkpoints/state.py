"""State: all that a run is made of besides its settings, taken and given back."""

from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lib.model.modes import unwrap
from lib.train import distributed
from lib.train.run import Callback, Run


def state_of(run: Run) -> dict[str, Any]:
    """What a run has learned and measured so far, and its callbacks with it."""
    optimizer = run.optimizer.state_dict()
    rates = [float(group["lr"]) for group in optimizer["param_groups"]]
    state = {str(number): state for number, state in optimizer["state"].items()}
    tree = {
        "model": unwrap(run.model).state_dict(),
        "optimizer": {"state": state, "rates": rates},
        "scaler": run.scaler.state_dict(),
        "history": asdict(run.history),
        "callbacks": {
            name: callback.state_dict() for name, callback in named(run).items()
        },
    }
    return _whole(tree)


def check_weights(saved: dict[str, Tensor], model: nn.Module, where: Path) -> None:
    """Raise ValueError that names the first weight of another name, shape or type."""
    now = unwrap(model).state_dict()
    if odd := sorted(saved.keys() ^ now.keys()):
        raise ValueError(f"{where} is of another model: only one of them has {odd[0]}")
    for name, tensor in now.items():
        kinds = [f"{x.dtype} of shape {tuple(x.shape)}" for x in (saved[name], tensor)]
        if kinds[0] != kinds[1]:
            raise ValueError(f"{name} must be {kinds[0]} as in {where}, got {kinds[1]}")


def load_history(saved: dict[str, Any], run: Run) -> None:
    """An interrupted run may go on; one that was stopped for another reason is over."""
    vars(run.history).update(saved)
    if run.history.stopped == "interrupted":
        run.history.stopped = ""


def named(run: Run) -> dict[str, Callback]:
    """The run's callbacks by the names of their classes: "Every", "Every 2", ..."""
    found: dict[str, Callback] = {}
    for callback in run.callbacks:
        kind = type(callback).__name__
        many = sum(type(other).__name__ == kind for other in found.values())
        found[f"{kind} {many + 1}" if many else kind] = callback
    return found


def check_callbacks(saved: dict[str, Any], run: Run, where: Path) -> None:
    """Raise ValueError when a callback that had a state is not there any more."""
    callbacks = named(run)
    for name, kept in saved.items():
        if kept and name not in callbacks:
            raise ValueError(f"callbacks must have {name} as in {where}")


def load_callbacks(saved: dict[str, Any], run: Run) -> None:
    """Give the callbacks that had a state that state back."""
    callbacks = named(run)
    for name, kept in saved.items():
        if kept:
            callbacks[name].load_state_dict(kept)


def load_scaler(saved: dict[str, Any], scaler: torch.amp.GradScaler) -> None:
    """Go on with the scale that the loss had, where it is scaled."""
    if saved and scaler.is_enabled():
        scaler.load_state_dict(saved)


def load_optimizer(saved: dict[str, Any], optimizer: Optimizer) -> None:
    """What it keeps for each weight, and the rates; its settings are not touched."""
    groups = optimizer.state_dict()["param_groups"]
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    state = {}
    for number, kept in saved["state"].items():
        weight = weights[int(number)]
        state[int(number)] = {k: _place(item, weight) for k, item in kept.items()}
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    for group, rate in zip(optimizer.param_groups, saved["rates"], strict=True):
        group.setdefault("initial_lr", group["lr"])
        group["lr"] = rate


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Where PyTorch's random numbers stand: the CPU's, and the GPU's if one is used."""
    states = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        module = torch.get_device_module(device)
        states[device.type] = module.get_rng_state(device)
    return states


def load_random_state(saved: dict[str, Tensor], run: Run) -> None:
    """Each process takes its own, a row; one for which there is none starts anew."""
    rank = distributed.rank()
    device = run.device
    torch.manual_seed(run.step * distributed.processes() + rank)
    mine = {kind: r[rank].clone() for kind, r in saved.items() if rank < len(r)}
    if "cpu" in mine:
        torch.set_rng_state(mine.pop("cpu"))
    if device.type in mine:
        module = torch.get_device_module(device)
        module.set_rng_state(mine[device.type], device)


def of_all(states: dict[str, Tensor]) -> dict[str, Tensor]:
    """The random states of all processes, one a row."""
    return {kind: distributed.gather(state[None]) for kind, state in states.items()}


def hash_batch(batch: tuple[Tensor, ...]) -> str:
    """A checksum of a batch, put together from the shares of all processes."""
    digest = sha256()
    for tensor in batch:
        tensor = distributed.gather(distributed.whole(tensor)).contiguous()
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _place(item: Any, weight: Tensor) -> Any:
    """What an optimizer keeps for each number of a weight goes where the weight is."""
    shaped = isinstance(item, Tensor) and item.shape == weight.shape
    return distributed.placed_like(item, weight) if shaped else item


def _whole(tree: Any) -> Any:
    """The tree with its tensors whole and on the CPU."""
    if isinstance(tree, dict):
        return {key: _whole(item) for key, item in tree.items()}
    if isinstance(tree, list):
        return [_whole(item) for item in tree]
    if isinstance(tree, tuple):
        return tuple(_whole(item) for item in tree)
    return distributed.whole(tree) if isinstance(tree, Tensor) else tree
