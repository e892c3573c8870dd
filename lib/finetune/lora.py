"""LoRA: a large matrix stands still, and two thin ones beside it learn.

What fine-tuning adds to a matrix is often simple. So it is written as a product of a
tall and a flat matrix, with `rank` numbers between them: kilobytes for each task, where
a fine-tuned copy of the model would be megabytes.

Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.
"""

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

FORMAT = "inside-gpt adapters 1"
PAPERS = ("to_query", "to_value")  # what its section 7.1 found to be enough
# All matrices of a block: Dettmers et al. 2023, "QLoRA: Efficient Finetuning of
# Quantized LLMs", section 4, needed these to match full fine-tuning.
EVERY = ("to_query", "to_key", "to_value", "to_output", "to_hidden")


class Adapter(nn.Module):
    """A layer that stands still, and beside it a change of low rank that learns.

    `down` and `up` are named after what they do to the width of a vector. One of them
    starts at zero: at first the adapted layer is the layer.
    """

    def __init__(self, layer: nn.Module, rows: int, columns: int, rank: int, alpha):
        """Raises ValueError unless `rank` and `alpha` are above 0."""
        if rank < 1 or alpha <= 0:
            raise ValueError(
                f"rank and alpha must be above 0, got rank={rank}, alpha={alpha}"
            )
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.rank, self.scale, self.merged = rank, alpha / rank, False
        self.down = nn.Parameter(layer.weight.new_zeros(rank, columns))
        self.up = nn.Parameter(layer.weight.new_zeros(rows, rank))

    def change(self) -> Float[Tensor, "_ _"]:
        """What is added to the layer's weights, in their shape."""
        return self.scale * self.up @ self.down

    @torch.no_grad()
    def merge(self, merged: bool = True) -> None:
        """Add the change to the weights, or take it out: then nothing is left to do."""
        if merged != self.merged:
            self.layer.weight += self.change() if merged else -self.change()
            self.merged = merged


class LinearAdapter(Adapter):
    """layer(x) + scale * up(down(x)), for a linear layer."""

    def __init__(self, layer: nn.Linear, rank: int, alpha: float):
        super().__init__(layer, *layer.weight.shape, rank, alpha)
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))  # as linear layers start

    def forward(self, x: Float[Tensor, "*batch _"]) -> Float[Tensor, "*batch _"]:
        y = self.layer(x)
        if self.merged:
            return y
        return y + self.scale * F.linear(F.linear(x, self.down), self.up)


class EmbeddingAdapter(Adapter):
    """layer(ids) + scale * up(down[ids]), for a table of vectors, one a token."""

    def __init__(self, layer: nn.Embedding, rank: int, alpha: float):
        super().__init__(layer, layer.embedding_dim, layer.num_embeddings, rank, alpha)
        nn.init.normal_(self.up)

    def change(self) -> Float[Tensor, "_ _"]:
        return super().change().T  # a row for each token

    def forward(self, ids: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch _"]:
        x = self.layer(ids)
        if self.merged:
            return x
        return x + self.scale * F.linear(F.embedding(ids, self.down.T), self.up)


KINDS = {nn.Linear: LinearAdapter, nn.Embedding: EmbeddingAdapter}


def adapt(
    model: nn.Module,
    names: Sequence[str] = PAPERS,
    rank: int = 8,
    alpha: float = 16.0,
) -> list[str]:
    """Put an adapter at each layer whose name ends in one of `names`; list them.

    Everything else stays as it is: freeze it first (`lib.finetune.layers`). Raises
    ValueError for a name that fits no linear layer or embedding, and for a model that
    has adapters already.
    """
    if any(adapters(model)):
        raise ValueError("model must have no adapters, it has some already")
    chosen = {
        path: layer
        for path, layer in model.named_modules()
        if isinstance(layer, tuple(KINDS)) and path.split(".")[-1] in names
    }
    found = {path.split(".")[-1] for path in chosen}
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"names must be of linear layers or embeddings, got {missing}")
    for path, layer in chosen.items():
        kind = next(made for of, made in KINDS.items() if isinstance(layer, of))
        _replace(model, path, kind(layer, rank, alpha))
    return list(chosen)


def adapters(model: nn.Module) -> Iterator[tuple[str, Adapter]]:
    """The adapters of a model and where they are."""
    return ((n, m) for n, m in model.named_modules() if isinstance(m, Adapter))


def merge(model: nn.Module) -> None:
    """Add every change to its layer: from here the adapters cost no time.

    A matrix that two layers share (a tied embedding) then changes in both.
    """
    for _, adapter in adapters(model):
        adapter.merge()


def unmerge(model: nn.Module) -> None:
    """Take every change out of its layer again, to the last rounding."""
    for _, adapter in adapters(model):
        adapter.merge(False)


def strip(model: nn.Module) -> None:
    """Put each layer back in its adapter's place, merged or not as it stands."""
    for path, adapter in list(adapters(model)):
        _replace(model, path, adapter.layer)


def save(model: nn.Module, path: str | Path) -> None:
    """Write all weights that learn (adapters, and a head beside them) and no others.

    Raises ValueError when the model has no adapter.
    """
    places = {name: [each.rank, each.scale] for name, each in adapters(model)}
    if not places:
        raise ValueError("model must have adapters, it has none: `adapt` makes them")
    weights = {
        name: weight.detach().contiguous()
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }
    about = {"format": FORMAT, "adapters": json.dumps(places)}
    save_file(weights, path, metadata=about)


def load(model: nn.Module, path: str | Path) -> None:
    """Give a model with the same adapters the weights that `save` wrote.

    Raises ValueError when the file is damaged, or was saved from other adapters or
    other shapes; nothing is changed then.
    """
    about, weights = _read(path)
    places = {name: [each.rank, each.scale] for name, each in adapters(model)}
    saved = json.loads(about["adapters"])
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


def _read(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged or no safetensors: {error}") from error
    if about.get("format") != FORMAT:
        raise ValueError(f"{path} is not of the format {FORMAT!r}")
    return about, weights


def _replace(model: nn.Module, path: str, layer: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, layer)
