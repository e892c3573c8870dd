"""Heads: what stands on a pretrained body and answers the question of a task.

A body gives each token a vector. To label a text, those vectors become one (pooling)
and a linear layer scores the classes; to tag words, each vector gets scores of its own.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lib.finetune.labeled import Labeled
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.model.masks import padding_mask


class Last(nn.Module):
    """The vector of the last token, which in a GPT is the only one that saw all others.

    Source: Radford et al. 2018, "Improving Language Understanding by Generative
    Pre-Training", section 3.2.
    """

    def __init__(self, width: int):
        super().__init__()

    def forward(
        self, x: Float[Tensor, "batch time width"], real: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch width"]:
        """`real` is False at padding, which stands at the end."""
        last = real.sum(dim=1) - 1
        return x.gather(1, last[:, None, None].expand(-1, 1, x.size(2)))[:, 0]


class Mean(nn.Module):
    """The mean of all vectors, padding left out."""

    def __init__(self, width: int):
        super().__init__()

    def forward(
        self, x: Float[Tensor, "batch time width"], real: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch width"]:
        """`real` is False at padding."""
        weights = real / real.sum(dim=1, keepdim=True)  # batch time
        return (weights[:, None] @ x)[:, 0]


class Weighted(nn.Module):
    """A mean in which tokens count more or less: a learned score says how much.

    The score starts at 0 for all, so the mean starts as the plain one. Source: Yang et
    al. 2016, "Hierarchical Attention Networks for Document Classification", equations
    5 to 7, without the hidden layer.
    """

    def __init__(self, width: int):
        super().__init__()
        self.score = nn.Linear(width, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def forward(
        self, x: Float[Tensor, "batch time width"], real: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch width"]:
        """`real` is False at padding."""
        return (self.weights(x, real)[:, None] @ x)[:, 0]

    def weights(
        self, x: Float[Tensor, "batch time width"], real: Bool[Tensor, "batch time"]
    ) -> Float[Tensor, "batch time"]:
        """How much each token counts; the weights of a text add up to 1."""
        scores = self.score(x)[..., 0].masked_fill(~real, -torch.inf)
        return scores.softmax(dim=1)


POOLINGS = {"last": Last, "mean": Mean, "weighted": Weighted}


class Classifier(nn.Module):
    """A body, a pooling, and a linear layer that scores the classes of a text.

    The scores start at 0: before it has learned, the head has no opinion.
    """

    def __init__(
        self, body: GPT, classes: int, pooling: str = "mean", dropout: float = 0.0
    ):
        """Raises ValueError for fewer than 2 classes or an unknown pooling."""
        super().__init__()
        _check_classes(classes)
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {[*POOLINGS]}, got {pooling!r}")
        self.body, self.pool = body, POOLINGS[pooling](body.config.width)
        self.dropout = nn.Dropout(dropout)
        self.head = _head(body, classes)

    def forward(
        self, ids: Int[Tensor, "batch time"], lengths: Sequence[int] | None = None
    ) -> Float[Tensor, "batch _"]:
        """Scores (logits) for the classes of each text; lengths as in `pooled`."""
        return self.head(self.dropout(self.pooled(ids, lengths)))

    def pooled(
        self, ids: Int[Tensor, "batch time"], lengths: Sequence[int] | None = None
    ) -> Float[Tensor, "batch width"]:
        """One vector for each text, of which the first `lengths[i]` tokens are real.

        None means that all are. Raises ValueError when a text has no token.
        """
        lengths = [ids.size(1)] * len(ids) if lengths is None else lengths
        if min(lengths) < 1:
            raise ValueError(f"lengths must be above 0, got {list(lengths)}")
        real = padding_mask(lengths, ids.size(1), ids.device)[:, 0, 0]
        return self.pool(_vectors(self.body, ids, lengths), real)


class Tagger(nn.Module):
    """A body, and a linear layer that scores the tags of each token."""

    def __init__(self, body: GPT, tags: int, dropout: float = 0.0):
        """Raises ValueError for fewer than 2 tags."""
        super().__init__()
        _check_classes(tags)
        self.body, self.dropout = body, nn.Dropout(dropout)
        self.head = _head(body, tags)

    def forward(
        self, ids: Int[Tensor, "batch time"], lengths: Sequence[int] | None = None
    ) -> Float[Tensor, "batch time _"]:
        """Scores (logits) for each token's tag; what stands at padding means nothing.

        The loss is `lib.train.next_token_loss`, with -1 as the tag of padding.
        """
        return self.head(self.dropout(_vectors(self.body, ids, lengths)))


def _vectors(
    body: GPT, ids: Int[Tensor, "batch time"], lengths: Sequence[int] | None
) -> Float[Tensor, "batch time width"]:
    """In a GPT no token sees what follows, so padding at the end needs no mask."""
    if isinstance(body, Encoder):
        return body.vectors(ids, lengths)
    return body.vectors(ids)


def _head(body: GPT, classes: int) -> nn.Linear:
    head = nn.Linear(body.config.width, classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def _check_classes(classes: int) -> None:
    if classes < 2:
        raise ValueError(f"there must be at least 2 classes or tags, got {classes}")


def classification_loss(
    model: nn.Module, batch: Labeled, weights: Float[Tensor, " _"] | None = None
) -> Float[Tensor, ""]:
    """Mean surprise of a classifier at the labels, in nats: for `lib.train.train`.

    `weights` say how much each class counts, see `lib.finetune.labeled.class_weights`.
    """
    ids, lengths, labels = batch
    weights = None if weights is None else weights.to(ids.device)
    return F.cross_entropy(model(ids, lengths.tolist()), labels, weights)


@torch.no_grad()
def predict(
    model: nn.Module, batches: Iterable[Labeled], together: int = 16
) -> Float[Tensor, "text _"]:
    """The probability of each class, for each text of the batches, with dropout off.

    Of each batch, `together` texts of like lengths are worked on at a time: hardly any
    work is spent on padding. Raises ValueError unless `together` is above 0.
    """
    if together < 1:
        raise ValueError(f"together must be above 0, got {together}")
    device, was_training = next(model.parameters()).device, model.training
    model.eval()
    scores = []
    for ids, lengths, _ in batches:
        order = lengths.argsort(stable=True)
        groups = [(ids[part], lengths[part]) for part in order.split(together)]
        found = [model(x[:, : n.max()].to(device), n.tolist()) for x, n in groups]
        scores.append(torch.cat(found)[order.argsort().to(device)])
    model.train(was_training)
    return torch.cat(scores).softmax(dim=-1)
