"""Classifiers: a pretrained body with a head that answers the question of a task.

The body gives each token a vector. To label a text, these vectors become one (pooling)
and a linear layer, the head, scores the classes; to tag words, the head scores each
vector by itself.
"""

from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lib.finetune.labeled import Labeled, check_range, whole_numbers
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.model.masks import padding_mask
from lib.model.modes import evaluating, unwrap

Lengths = Sequence[int] | Int[Tensor, " batch"]


class Last(nn.Module):
    """The vector of the last token: in a GPT, the only one that has seen all others.

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
        weights = real.to(x.dtype) / real.sum(dim=1, keepdim=True)  # batch time
        return (weights[:, None] @ x)[:, 0]


class Weighted(nn.Module):
    """A weighted mean of the vectors, by a score that is learned.

    All scores start at 0, so it starts as the plain mean. Source: Yang et
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
        self.body = body
        self.pool = POOLINGS[pooling](body.config.width)
        self.dropout = nn.Dropout(dropout)
        self.head = _zero_linear(body.config.width, classes)

    def forward(
        self, ids: Int[Tensor, "batch time"], lengths: Lengths | None = None
    ) -> Float[Tensor, "batch _"]:
        """Scores (logits) for the classes of each text; lengths as in `pooled`."""
        return self.head(self.dropout(self.pooled(ids, lengths)))

    def pooled(
        self, ids: Int[Tensor, "batch time"], lengths: Lengths | None = None
    ) -> Float[Tensor, "batch width"]:
        """One vector for each text, of which the first `lengths[i]` tokens are real.

        None means that all are. Raises ValueError when there is no text, a text has no
        token, or there is not one length for each text, at most `time`.
        """
        lengths = _checked(ids, lengths)
        real = padding_mask(lengths, ids.size(1), ids.device)[:, 0, 0]
        return self.pool(_vectors(self.body, ids, lengths), real)


class Tagger(nn.Module):
    """A body, and a linear layer that scores the tags of each token."""

    def __init__(self, body: GPT, tags: int, dropout: float = 0.0):
        """Raises ValueError for fewer than 2 tags."""
        super().__init__()
        _check_classes(tags)
        self.body = body
        self.dropout = nn.Dropout(dropout)
        self.head = _zero_linear(body.config.width, tags)

    def forward(
        self, ids: Int[Tensor, "batch time"], lengths: Lengths | None = None
    ) -> Float[Tensor, "batch time _"]:
        """Scores (logits) for each token's tag; those at padding mean nothing.

        The loss is `lib.train.next_token_loss`, with -1 as the tag of padding. Raises
        ValueError as `Classifier.pooled` does.
        """
        x = _vectors(self.body, ids, _checked(ids, lengths))  # batch time width
        return self.head(self.dropout(x))


def _checked(ids: Int[Tensor, "batch time"], lengths: Lengths | None) -> list[int]:
    """How many tokens of each text are real, as a list of plain numbers."""
    batch, time = ids.shape
    if not batch:
        raise ValueError("ids must hold at least one text, got none")
    if lengths is None:
        lengths = [time] * batch
    lengths = [int(length) for length in lengths]
    if len(lengths) != batch:
        raise ValueError(f"{batch} texts need a length each, got {lengths}")
    if min(lengths) < 1 or max(lengths) > time:
        raise ValueError(f"lengths must be above 0 and at most {time}, got {lengths}")
    return lengths


def _vectors(
    body: GPT, ids: Int[Tensor, "batch time"], lengths: list[int]
) -> Float[Tensor, "batch time width"]:
    """In a GPT no token sees what follows, so padding at the end needs no mask."""
    if isinstance(body, Encoder):
        return body.vectors(ids, lengths)
    return body.vectors(ids)


def _zero_linear(width: int, classes: int) -> nn.Linear:
    head = nn.Linear(width, classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    return head


def _check_classes(classes: int) -> None:
    if classes < 2:
        raise ValueError(f"there must be at least 2 classes or tags, got {classes}")


def classification_loss(
    model: nn.Module, batch: Labeled, weights: Float[Tensor, " _"] | None = None
) -> Float[Tensor, ""]:
    """Mean cross-entropy of a classifier at the labels, in nats: for `lib.train.train`.

    `weights` say how much each class counts, see `lib.finetune.labeled.class_weights`.
    Raises ValueError for labels that are not whole numbers or lie outside the classes.
    """
    ids, lengths, labels = batch
    scores = model(ids, lengths.tolist())
    classes = whole_numbers(labels)
    check_range(classes, scores.size(1))
    weights = None if weights is None else weights.to(scores)
    return F.cross_entropy(scores, labels.long(), weights)


@torch.no_grad()
def predict(
    model: nn.Module, batches: Iterable[Labeled], together: int = 16
) -> Float[Tensor, "text _"]:
    """The probability of each class, for each text of the batches, with dropout off.

    Of each batch, `together` texts of similar lengths are worked on at a time, so that
    little work is spent on padding. Of a model in half precision, probabilities are
    float32. A compiled model runs uncompiled here, since every
    length would be compiled anew.
    Raises ValueError when there is no batch or `together` is below 1.
    """
    if together < 1:
        raise ValueError(f"together must be above 0, got {together}")
    model = unwrap(model)
    with evaluating(model):
        scores = [_batch_scores(model, batch, together) for batch in batches]
    if not scores:
        raise ValueError("batches must hold at least one batch, got none")
    found = torch.cat(scores)
    return found.softmax(-1, dtype=torch.promote_types(found.dtype, torch.float32))


def _batch_scores(
    model: nn.Module, batch: Labeled, together: int
) -> Float[Tensor, "batch _"]:
    """The scores of one batch's texts, in their order."""
    ids, lengths, _ = batch
    device = next(model.parameters()).device
    order = lengths.argsort(stable=True)
    scores = []
    for part in order.split(together):
        longest = int(lengths[part].max())
        scores.append(model(ids[part, :longest].to(device), lengths[part].tolist()))
    return torch.cat(scores)[order.argsort().to(device)]
