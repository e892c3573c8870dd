"""Speed for training on a CPU: faster layers, put in where a measurement says so.

>>> print(speed_up(model, ids))  # a batch, or its sizes (batch, time)

Which layer is faster depends on the processor and the sizes. So each kind of layer is
timed as it is and as each candidate, forward and backward, at the caller's batch, and
changed only where a candidate wins clearly. The parameters stay the same objects under
the same names, and `slow_down` puts the plain layers back. Results stay equal but for
rounding. A close contest may go either way, and the last bits of a run with it.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time

import torch
from torch import Tensor, nn

from lib.fast import linear
from lib.fast.linear import BFloat16Linear, OneDNNLinear
from lib.fast.norm import WrittenOutRMSNorm
from lib.model.modes import evaluating, unwrap

Layer = tuple[str, nn.Module, Tensor]  # name, the layer, and an input of its size
MARGIN = 1.05  # a candidate must be this many times as fast
LEAST = 2  # rounds, in each of which every candidate makes one pass
MOST = 9
ENOUGH = 0.05  # seconds for each candidate, after which no further round begins
PLAIN = {
    OneDNNLinear: nn.Linear,
    BFloat16Linear: nn.Linear,
    WrittenOutRMSNorm: nn.RMSNorm,
}


@dataclass(frozen=True)
class Trial:
    """What was tried on layers of one kind and size, and the seconds that each took."""

    layers: tuple[str, ...]  # their names in the model
    what: str
    seconds: dict[
        str, float
    ]  # forward and backward once, by class: the plain one first
    kept: str  # the class that they have now

    def __str__(self) -> str:
        times = ", ".join(
            f"{name} {1000 * each:.2f} ms" for name, each in self.seconds.items()
        )
        return f"{len(self.layers)} x {self.what}: {times}; kept {self.kept}"


@dataclass(frozen=True)
class Report:
    """What `speed_up` tried; `note` says why nothing was, if so."""

    trials: tuple[Trial, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        return "\n".join([*map(str, self.trials), self.note]).strip()


def speed_up(
    model: nn.Module, batch: Tensor | tuple[int, int], bfloat16: bool = False
) -> Report:
    """Change the layers of a model to faster ones where they win; say what was tried.

    `batch` is what the model is called with: ids, or their sizes (batch, time). With
    `bfloat16`, products may be rounded to 8 bits where the processor has them. Models
    other than float32 on the CPU stay as they are. May be called again, for another
    batch. Neither the model's modes and gradients nor the random state change.
    """
    reason = _why_not(model)
    if reason:
        return Report(note=reason)
    slow_down(model)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        groups = _layers(unwrap(model), batch)
        trials = [_try(what, group, bfloat16) for what, group in groups.items()]
    return Report(tuple(trials), "" if trials else "the model has no layer to speed up")


def slow_down(model: nn.Module) -> None:
    """Put the plain layers back that `speed_up` has changed."""
    for part in model.modules():
        if type(part) in PLAIN:
            part.__class__ = PLAIN[type(part)]
            vars(part).pop("least_rows", None)


def plain_type(part: nn.Module) -> type[nn.Module]:
    """The class of a part, or the one that it had before `speed_up`."""
    return PLAIN.get(type(part), type(part))


def _why_not(model: nn.Module) -> str:
    """Why there is nothing to do; empty where there may be."""
    if hasattr(model, "_orig_mod"):
        return "nothing to do: a compiled model has layers of its own"
    for name, weight in model.named_parameters():
        plain = type(weight) is nn.Parameter and weight.device.type == "cpu"
        if not plain or weight.dtype != torch.float32:
            kind = f"{type(weight).__name__} of {weight.dtype} on {weight.device}"
            return f"nothing to do: needs float32 on the CPU, {name} is a {kind}"
    return ""


def _ids(batch: Tensor | tuple[int, int]) -> Tensor:
    if isinstance(batch, Tensor):
        return batch
    if len(batch) != 2 or not all(type(size) is int and size > 0 for size in batch):
        raise ValueError(f"batch must be ids or sizes (batch, time), got {batch}")
    return torch.zeros(batch, dtype=torch.long)


def _try(what: str, group: list[Layer], bfloat16: bool) -> Trial:
    """Time the first layer of a group as each candidate, and change all to the best."""
    names, parts, inputs = zip(*group, strict=True)
    plain = type(parts[0])
    kinds = [plain, *_candidates(parts[0], bfloat16)]
    seconds = _contest(parts[0], inputs[0], kinds)
    best = min(kinds, key=seconds.__getitem__)
    if seconds[best] * MARGIN > seconds[plain]:
        best = plain
    for part in parts:
        _turn_into(part, best, inputs[0])
    named = {kind.__name__: each for kind, each in seconds.items()}
    return Trial(names, what, named, best.__name__)


def _layers(
    model: nn.Module, batch: Tensor | tuple[int, int]
) -> dict[str, list[Layer]]:
    """Layers that have candidates, by kind and size; each with an input of its size."""
    groups = defaultdict(list)

    def note(name: str, part: nn.Module, inputs: tuple) -> None:
        (x,) = inputs
        frozen = "" if part.weight.requires_grad else ", frozen"
        kind = f"{type(part).__name__}({part.extra_repr()}{frozen})"
        groups[f"{kind} on {tuple(x.shape)}"].append((name, part, torch.randn_like(x)))

    hooks = [
        part.register_forward_pre_hook(partial(note, name))
        for name, part in model.named_modules()
        if _candidates(part, bfloat16=True)
    ]
    try:
        with evaluating(model), torch.no_grad():
            model(_ids(batch))
    finally:
        for hook in hooks:
            hook.remove()
    return groups


def _candidates(part: nn.Module, bfloat16: bool) -> list[type[nn.Module]]:
    """Classes that may take the place of the part's own, which must be a plain one."""
    if type(part) is nn.RMSNorm:
        fits = part.elementwise_affine and part.eps and len(part.normalized_shape) == 1
        return [WrittenOutRMSNorm] if fits else []
    if type(part) is nn.Linear and linear.HAS_ONEDNN:
        narrow = bfloat16 and linear.HAS_BFLOAT16
        return [OneDNNLinear, BFloat16Linear] if narrow else [OneDNNLinear]
    return []


def _contest(
    part: nn.Module, x: Tensor, kinds: list[type[nn.Module]]
) -> dict[type[nn.Module], float]:
    """Seconds of one pass forward and backward in each class, the best of several.

    They take turns. On one thread it is the processor's time that counts, which other
    programs on the machine lengthen less.
    """
    x.requires_grad_()
    twins = [_twin(part, kind) for kind in kinds]
    grad = torch.randn_like(twins[0](x))
    rounds = []
    while len(rounds) < LEAST or (
        len(rounds) < MOST and sum(map(sum, rounds)) < len(twins) * ENOUGH
    ):
        rounds.append([_seconds(twin, x, grad) for twin in twins])
    best = [min(times) for times in zip(*rounds, strict=True)]
    return dict(zip(kinds, best, strict=True))


def _twin(part: nn.Module, kind: type[nn.Module]) -> nn.Module:
    """A layer of the same size, which nobody watches."""
    if isinstance(part, nn.RMSNorm):
        twin = kind(part.normalized_shape, part.eps)
    else:
        twin = kind(part.in_features, part.out_features, part.bias is not None)
    return twin.requires_grad_(part.get_parameter("weight").requires_grad)


def _seconds(layer: nn.Module, x: Tensor, grad: Tensor) -> float:
    learned = [weight for weight in layer.parameters() if weight.requires_grad]
    clock = process_time if torch.get_num_threads() == 1 else perf_counter
    began = clock()
    torch.autograd.grad(layer(x), [x, *learned], grad)
    return clock() - began


def _turn_into(part: nn.Module, kind: type[nn.Module], x: Tensor) -> None:
    part.__class__ = kind
    if isinstance(part, OneDNNLinear):
        rows = x.numel() // x.size(-1)
        part.least_rows = max(2, rows // 2)
