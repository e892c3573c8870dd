"""Settings: what must be the same when a run goes on."""

import json
from dataclasses import asdict, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.model.modes import unwrap
from lib.train.run import Run


@runtime_checkable
class Tokenizer(Protocol):
    """Anything with a list of tokens; a token's place in it is its id."""

    tokens: list


def describe(run: Run, tokenizer: Tokenizer | None = None) -> dict[str, Any]:
    """What must be the same in a resumed run, as JSON knows it."""
    settings = {
        "steps": run.steps,
        "schedule": _schedule(run),
        "objective": _name(run.objective),
        "count": _name(run.count),
        "clip": run.clip,
        "accumulate": run.accumulate,
        "precision": run.precision,
        "config": config_of(run.model),
        "vocabulary": vocabulary(tokenizer),
        "optimizer": type(run.optimizer).__name__,
        "groups": [
            _plain(group) for group in run.optimizer.state_dict()["param_groups"]
        ],
    }
    return json.loads(json.dumps(settings, default=_name))


def check(saved: Any, now: Any, where: Path, name: str = "") -> None:
    """Raise ValueError that names the first setting that is not what it was."""
    if isinstance(saved, list) and isinstance(now, list):
        saved = dict(enumerate(saved))
        now = dict(enumerate(now))
    if isinstance(saved, dict) and isinstance(now, dict) and saved.keys() == now.keys():
        for key in saved:
            check(saved[key], now[key], where, f"{name}.{key}".lstrip("."))
    elif saved != now:
        raise ValueError(f"{name} must be {saved!r} as in {where}, got {now!r}")


def vocabulary(tokenizer: Tokenizer | None) -> str:
    """How many tokens a tokenizer has, and a checksum of them."""
    if tokenizer is None:
        return "not given"
    listed = "\n".join(map(repr, tokenizer.tokens))
    checksum = sha256(listed.encode()).hexdigest()[:12]
    return f"{len(tokenizer.tokens)} tokens {checksum}"


def config_of(model: nn.Module) -> dict[str, Any]:
    """The fields of a model's `config`, or nothing where it has none."""
    config = getattr(unwrap(model), "config", None)
    if not is_dataclass(config) or isinstance(config, type):
        return {}
    return asdict(config)


def kind_of(model: nn.Module) -> str:
    """What a model is for: "gpt", "encoder" or, where the book has no word, "other"."""
    model = unwrap(model)
    if isinstance(model, Encoder):  # a GPT too, with the same names of weights
        return "encoder"
    return "gpt" if isinstance(model, GPT) else "other"


def _schedule(run: Run) -> str:
    """Its name, and a checksum of what it gives at up to 500 steps of the run."""
    places = range(0, run.steps, run.steps // 500 + 1)
    factors = json.dumps([run.schedule(step, run.steps) for step in places])
    return f"{_name(run.schedule)} {sha256(factors.encode()).hexdigest()[:12]}"


def _plain(group: dict[str, Any]) -> dict[str, Any]:
    """The settings of a group of weights; its rate is the one before any schedule."""
    group = {k: v.tolist() if isinstance(v, Tensor) else v for k, v in group.items()}
    rate = group.pop("initial_lr", group["lr"])
    return group | {"lr": rate, "params": len(group["params"])}


def _name(function: Any) -> str:
    """A function's name; a `functools.partial` is called like the function it fills."""
    function = getattr(function, "func", function)
    return getattr(function, "__name__", type(function).__name__)
