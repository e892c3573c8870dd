"""What counting alone can predict: the baselines that a model has to beat."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def unigram(ids: Int[Tensor, " text"], vocab: int) -> Float[Tensor, " vocab"]:
    """How often each token occurs: probabilities, with one added to each count.

    Source: Jurafsky & Martin, "Speech and Language Processing", 3rd ed., section 3.6.
    """
    counts = torch.bincount(ids, minlength=vocab) + 1.0
    return counts / counts.sum()


def bigram(ids: Int[Tensor, " text"], vocab: int) -> Float[Tensor, "vocab vocab"]:
    """How often each token (column) follows each one (row), one added to each count."""
    pairs = ids[:-1] * vocab + ids[1:]
    counts = torch.bincount(pairs, minlength=vocab * vocab).view(vocab, vocab) + 1.0
    return counts / counts.sum(dim=1, keepdim=True)


def unigram_loss(
    probabilities: Float[Tensor, " vocab"], ids: Int[Tensor, " text"]
) -> float:
    """Mean surprise, in nats a token, when frequency alone predicts every token."""
    return -probabilities.log()[ids].mean().item()


def bigram_loss(
    probabilities: Float[Tensor, "vocab vocab"], ids: Int[Tensor, " text"]
) -> float:
    """Mean surprise, in nats a token, when the token before predicts each token."""
    return -probabilities.log()[ids[:-1], ids[1:]].mean().item()
