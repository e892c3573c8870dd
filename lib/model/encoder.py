"""Encoder: the same blocks as a GPT's, but every position sees the whole text.

It reads and cannot write: asked for the next token it would look it up. It learns from
tokens that are hidden and have to be guessed.
"""

from collections.abc import Sequence

from jaxtyping import Float, Integer
from torch import Tensor

from .gpt import GPT
from .masks import padding_mask


class Encoder(GPT):
    """A GPT without the causal mask, with the same configuration and the same weights.

    Each position looks at all others but padding, which nobody looks at. With learned
    positions, layer norms after each part ("post"), GELU and biases its blocks are
    BERT's; BERT also has a norm after its embedding.

    Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers
    for Language Understanding", section 3.
    """

    causal = False  # everybody sees everybody

    def forward(
        self, ids: Integer[Tensor, "batch time"], lengths: Sequence[int] | None = None
    ) -> Float[Tensor, "batch time vocab"]:
        """Scores (logits) for the token that belongs at each position itself.

        `lengths` as in `vectors`; what stands at padding means nothing.
        """
        return self.unembed(self.vectors(ids, lengths))

    def vectors(
        self, ids: Integer[Tensor, "batch time"], lengths: Sequence[int] | None = None
    ) -> Float[Tensor, "batch time width"]:
        """What each position knows after the last block and norm: for heads of any use.

        Sequence i has `lengths[i]` real tokens, padding follows them; None means that
        all are real. Raises ValueError when a length is negative or above `time`, or
        there is not one for each sequence, and as a GPT does.
        """
        if lengths is None:
            return super().vectors(ids)
        if len(lengths) != len(ids):
            raise ValueError(f"{len(ids)} sequences need a length each, got {lengths}")
        mask = padding_mask(lengths, ids.size(1), ids.device)
        return super().vectors(ids, mask=mask)
