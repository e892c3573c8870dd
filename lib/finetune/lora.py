"""LoRA: a large matrix is frozen, and two thin ones beside it learn.

What fine-tuning adds to a matrix is often of low rank. So it is written as the product
of a tall matrix and a flat one, `rank` numbers apart: kilobytes for each task, where a
fine-tuned copy of the model would be megabytes.

Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lib.model.modes import unwrap

FORMAT = "inside-gpt adapters 1"
QUERY_AND_VALUE = ("to_query", "to_value")  # Hu et al. 2021, section 7.1: enough
# All matrices of a block: Dettmers et al. 2023, "QLoRA: Efficient Finetuning of
# Quantized LLMs", section 4, needed these to match full fine-tuning. A gated
# feed-forward part has `to_gate` too.
ALL_LINEAR = ("to_query", "to_key", "to_value", "to_output", "to_hidden")


class Adapter(nn.Module):
    """A frozen layer, and beside it a change of low rank that learns.

    `down` and `up` are named after what they do to the width of a vector. One of them
    starts at zero, so at first the adapted layer gives what the layer gives.
    """

    def __init__(
        self,
        layer: nn.Linear | nn.Embedding,
        rows: int,
        columns: int,
        rank: int,
        alpha: float,
        shared: bool,
    ):
        """`shared` says that another layer has the same matrix (a tied embedding).

        Raises ValueError unless `rank` and `alpha` are above 0.
        """
        if rank < 1 or not 0 < alpha < math.inf:
            raise ValueError(
                f"rank and alpha must be above 0, got rank={rank}, alpha={alpha}"
            )
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.rank = rank
        self.scale = alpha / rank
        self.shared = shared
        self.merged = False
        self.down = nn.Parameter(layer.weight.new_zeros(rank, columns))
        self.up = nn.Parameter(layer.weight.new_zeros(rows, rank))

    @property
    def weight(self) -> Float[Tensor, "_ _"]:
        """The matrix that the adapted layer works with: the layer's and the change."""
        return self.layer.weight if self.merged else self.layer.weight + self.delta()

    def delta(self) -> Float[Tensor, "_ _"]:
        """What is added to the layer's matrix, in its shape."""
        return self.scale * self.up @ self.down

    @torch.no_grad()
    def merge(self) -> None:
        """Add the change to the layer's matrix: from here it costs no time.

        A shared matrix is left alone: the layer gets one of its own while merged.
        """
        if self.merged:
            return
        if self.shared:
            self.plain = self.layer.weight
            self.layer.weight = nn.Parameter(self.weight, requires_grad=False)
        else:
            self.layer.weight += self.delta()
        self.merged = True

    @torch.no_grad()
    def unmerge(self) -> None:
        """Take the change out again: a shared matrix to the bit, others to rounding."""
        if not self.merged:
            return
        if self.shared:
            self.layer.weight = self.plain
            del self.plain
        else:
            self.layer.weight -= self.delta()
        self.merged = False


class LinearAdapter(Adapter):
    """layer(x) + scale * up(down(x)), for a linear layer."""

    def __init__(self, layer: nn.Linear, rank: int, alpha: float, shared: bool = False):
        rows, columns = layer.weight.shape
        super().__init__(layer, rows, columns, rank, alpha, shared)
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))  # as linear layers start

    def forward(self, x: Float[Tensor, "*batch _"]) -> Float[Tensor, "*batch _"]:
        y = self.layer(x)
        if self.merged:
            return y
        return y + self.scale * F.linear(F.linear(x, self.down), self.up)


class EmbeddingAdapter(Adapter):
    """layer(ids) + scale * up(down[ids]), for a table of vectors, one a token."""

    def __init__(
        self, layer: nn.Embedding, rank: int, alpha: float, shared: bool = False
    ):
        rows = layer.embedding_dim
        columns = layer.num_embeddings
        super().__init__(layer, rows, columns, rank, alpha, shared)
        nn.init.normal_(self.up)

    def delta(self) -> Float[Tensor, "_ _"]:
        """What is added to the table: a row for each token."""
        return super().delta().T

    def forward(self, ids: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch _"]:
        x = self.layer(ids)
        if self.merged:
            return x
        return x + self.scale * F.linear(F.embedding(ids, self.down.T), self.up)


KINDS = {nn.Linear: LinearAdapter, nn.Embedding: EmbeddingAdapter}


def adapt(
    model: nn.Module,
    names: Sequence[str] = QUERY_AND_VALUE,
    rank: int = 8,
    alpha: float = 16.0,
) -> list[str]:
    """Put an adapter at each layer whose name ends in one of `names`; list them.

    Everything else stays as it is: freeze it first (`lib.finetune.layers`). Raises
    ValueError for a name that fits no linear layer or embedding, and for a model that
    has adapters already.
    """
    model = unwrap(model)
    names = [names] if isinstance(names, str) else list(names)
    if any(adapters(model)):
        raise ValueError("model must have no adapters, it has some already")
    layers = {
        path: layer
        for path, layer in model.named_modules()
        if isinstance(layer, tuple(KINDS))
    }
    chosen = [path for path in layers if path.split(".")[-1] in names]
    found = {path.split(".")[-1] for path in chosen}
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"names must be of linear layers or embeddings, got {missing}")
    uses = Counter(id(layer.weight) for layer in layers.values())
    for path in chosen:
        layer = layers[path]
        kind = next(made for of, made in KINDS.items() if isinstance(layer, of))
        shared = uses[id(layer.weight)] > 1
        _replace(model, path, kind(layer, rank, alpha, shared))
    return chosen


def adapters(model: nn.Module) -> Iterator[tuple[str, Adapter]]:
    """The adapters of a model and where they are."""
    modules = unwrap(model).named_modules()
    return ((name, part) for name, part in modules if isinstance(part, Adapter))


def merge(model: nn.Module) -> None:
    """Add every change to its layer's matrix: from here the adapters cost no time."""
    for _, adapter in adapters(model):
        adapter.merge()


def unmerge(model: nn.Module) -> None:
    """Take every change out of its layer again, to the last rounding."""
    for _, adapter in adapters(model):
        adapter.unmerge()


def unload(model: nn.Module) -> None:
    """Put each layer back in its adapter's place, merged or not as it stands.

    Where an adapter of a tied matrix was merged, the matrices are no longer tied.
    """
    model = unwrap(model)
    for path, adapter in list(adapters(model)):
        _replace(model, path, adapter.layer)


def save(model: nn.Module, path: str | Path) -> None:
    """Write all weights that learn (adapters, and a head beside them) and no others.

    Raises ValueError when the model has no adapter.
    """
    model = unwrap(model)
    places = _places(model)
    if not places:
        raise ValueError("model must have adapters, it has none: `adapt` makes them")
    weights = {
        name: weight.detach().contiguous()
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }
    about = {"format": FORMAT, "adapters": json.dumps(places)}
    path = Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path, metadata=about)


def load(model: nn.Module, path: str | Path) -> None:
    """Give a model with the same adapters the weights that `save` wrote.

    Raises ValueError when the file is damaged, or was saved from other adapters or
    other shapes; nothing is changed then.
    """
    model = unwrap(model)
    path = Path(path).expanduser()
    saved, weights = _read(path)
    places = _places(model)
    if saved != places:
        raise ValueError(f"{path} has adapters {saved}, the model has {places}")
    ours = dict(model.named_parameters())
    shapes = {name: list(w.shape) for name, w in ours.items() if name in weights}
    theirs = {name: list(weight.shape) for name, weight in weights.items()}
    if shapes != theirs:
        raise ValueError(f"{path} has weights {theirs}, the model has {shapes}")
    unmerge(model)
    with torch.no_grad():
        for name, weight in weights.items():
            ours[name].copy_(weight)


def _places(model: nn.Module) -> dict[str, list]:
    """Where the adapters are, with the rank and the scale of each."""
    return {name: [each.rank, each.scale] for name, each in adapters(model)}


def _read(path: Path) -> tuple[dict[str, list], dict[str, Tensor]]:
    """The places of the saved adapters, and the weights."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or no safetensors: {error}") from error
    if about.get("format") != FORMAT:
        raise ValueError(f"{path} is not of the format {FORMAT!r}")
    return json.loads(about["adapters"]), weights


def _replace(model: nn.Module, path: str, layer: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, layer)
