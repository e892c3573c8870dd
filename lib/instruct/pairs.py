"""Pairs: a tiny GPT reads keys and values by turns, and foretells each value.

"a -> 3; b -> 1; a ->" is read as the words a 3 b 1 a, and what comes next is the
answer. A row has an answer after no pair, after one, after two: the loss is taken at
all of them. A token between key and value would ask for one more step of attention, and
a model of two blocks then learns nothing in the same time.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lib.data.batch import Batch
from lib.instruct.small import likeliest, tiny_gpt
from lib.instruct.tasks.task import Example
from lib.model.gpt import GPT
from lib.model.modes import evaluating
from lib.tokens.word_tokenizer import WordTokenizer


class PairGPT:
    """A tiny GPT and the words that it knows; it replies to prompts of pairs.

    `vectors` gives some words vectors that stand still, all of one length. Words
    without one get a vector at random, which stands still too.
    """

    def __init__(
        self,
        words: Iterable[str],
        seed: int = 0,
        vectors: Mapping[str, Float[Tensor, " width"]] | None = None,
    ):
        """Raises ValueError for a word that is no word or stands there twice, and for
        vectors of different lengths, or of a word that is not among the words.
        """
        self.tokenizer = WordTokenizer(list(words))
        size = len(self.tokenizer)
        if vectors is None:
            self.model = tiny_gpt(size, seed)
        else:
            width = _one_length(vectors, self.tokenizer)
            self.model = tiny_gpt(size, seed, width)
            _stand_still(self.model, self.tokenizer, vectors)

    def batches(self, examples: Iterable[Example], batch: int = 48) -> Iterator[Batch]:
        """Rows of pairs; targets are the values, keys have -1.

        Raises ValueError from the iterator for an unknown word, and when examples of
        one batch do not have as many pairs.
        """
        rows = map(self._row, examples)
        while some := list(islice(rows, batch)):
            if len({len(row) for row in some}) > 1:
                sizes = sorted({len(row) // 2 for row in some})
                raise ValueError(f"examples must have as many pairs, got {sizes}")
            ids = torch.stack(some)  # batch 2 * pair
            targets = ids[:, 1:].clone()
            targets[:, 1::2] = -1  # a key is drawn at random
            yield ids[:, :-1], targets

    def by_shown(self, examples: Sequence[Example]) -> list[float]:
        """The share of right values after no pair, after one, and so on.

        A value counts as right when it is likeliest of all tokens.
        """
        hits: list[Tensor] = []
        with evaluating(self.model), torch.no_grad():
            for ids, targets in self.batches(examples, 500):
                found = likeliest(self.model, ids)[:, ::2]  # batch pair
                hits.append(found == targets[:, ::2])
        return torch.cat(hits).float().mean(dim=0).tolist()

    def replies(self, conversations: Sequence[Sequence[str]]) -> list[str]:
        """What comes after each prompt; see `lib.instruct.evaluate`.

        Raises ValueError for a conversation of several turns, and an unknown word.
        """
        if several := [turns for turns in conversations if len(turns) != 1]:
            raise ValueError(f"a conversation must be one prompt, got {several[0]!r}")
        with evaluating(self.model), torch.no_grad():
            return [self._reply(prompt) for (prompt,) in conversations]

    def _reply(self, prompt: str) -> str:
        ids = torch.tensor([self._ids(re.findall(r"\w+", prompt))])
        return self.tokenizer.tokens[int(likeliest(self.model, ids)[0, -1])]

    def _row(self, example: Example) -> Int[Tensor, " time"]:
        said = re.findall(r"\w+", example.prompt)
        return torch.tensor(self._ids([*said, example.answer]))

    def _ids(self, words: Sequence[str]) -> list[int]:
        if unknown := [word for word in words if word not in self.tokenizer.ids]:
            raise ValueError(f"a prompt must have known words, got {unknown[:5]}")
        return [self.tokenizer.ids[word] for word in words]


def _one_length(vectors: Mapping[str, Tensor], tokenizer: WordTokenizer) -> int:
    lengths = sorted({len(vector) for vector in vectors.values()})
    if len(lengths) != 1:
        raise ValueError(f"vectors must all have one length, got {lengths}")
    if unknown := sorted(vectors.keys() - tokenizer.ids.keys())[:5]:
        raise ValueError(f"vectors must be of words that it knows, got {unknown}")
    return lengths[0]


@torch.no_grad()
def _stand_still(
    model: GPT, tokenizer: WordTokenizer, vectors: Mapping[str, Tensor]
) -> None:
    """Give the words their vectors, scaled to a mean square of 1, and freeze them."""
    table: nn.Embedding = model.embed.tokens
    nn.init.normal_(table.weight)
    for word, vector in vectors.items():
        scale = vector.norm() / len(vector) ** 0.5
        table.weight[tokenizer.ids[word]] = vector / scale
    table.weight.requires_grad_(False)
