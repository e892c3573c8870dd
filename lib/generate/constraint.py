"""Constrained decoding: a token that cannot follow gets no probability.

A token is some bytes, and may straddle what the form tells apart: the quote that ends a
string, the comma and the next key can be one token. It may follow if all its bytes may.

Source: Willard & Louf 2023, "Efficient Guided Generation for Large Language Models",
section 3 (there an automaton, and the tokens of each state looked up as here).
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lib.generate.expressions import END, Expression
from lib.tokens.description import WritingTokenizer
from lib.tokens.tokenizer import BytePairTokenizer

Tree = dict[int, "Node"]


class Node(NamedTuple):
    """A place in the tree of tokens: the tokens that end here, and the next bytes."""

    tokens: list[int]
    children: Tree


class Following(NamedTuple):
    """What may follow a text: tokens, and what each of them leaves to be written."""

    tokens: Int[Tensor, " _"]
    least: Int[Tensor, " _"]  # how many bytes each leaves at least
    left: dict[int, Expression]


class Constraint:
    """Texts of one form, in the tokens of one tokenizer. Special tokens are no text.

    What may follow is worked out once for each state of the expression, and kept.
    """

    def __init__(self, expression: Expression, tokenizer: WritingTokenizer):
        """Raises ValueError unless `tokenizer` is a `BytePairTokenizer`.

        There every byte is a token, so that no text gets stuck. Raises it too for an
        expression that leaves nothing to write.
        """
        if not isinstance(tokenizer, BytePairTokenizer):
            kind = type(tokenizer).__name__
            raise ValueError(f"tokenizer must be a BytePairTokenizer, got a {kind}")
        if expression == END:
            raise ValueError("expression must have more than the empty text")
        self.expression = expression
        self.special = frozenset(tokenizer.special.values())
        self.vocab = len(tokenizer)
        self._tree = _tree(tokenizer.tokens[: self.vocab - len(self.special)])
        self._known: dict[Expression, Following] = {}
        self._steps: dict[tuple[Expression, int], Expression | None] = {}

    def following(self, state: Expression) -> Following:
        """The tokens that may come where `state` is left to be written."""
        if state not in self._known:
            left = dict(self._walk(self._tree, state))
            tokens = torch.tensor([*left], dtype=torch.long)
            least = torch.tensor([after.least for after in left.values()])
            self._known[state] = Following(tokens, least, left)
        return self._known[state]

    def _walk(self, tree: Tree, state: Expression) -> Iterator[tuple[int, Expression]]:
        """Each token that may follow, and what it leaves to be written."""
        for byte, node in tree.items():
            after = self._step(state, byte)
            if after is not None:
                yield from ((token, after) for token in node.tokens)
                yield from self._walk(node.children, after)

    def _step(self, state: Expression, byte: int) -> Expression | None:
        """The derivative, worked out once: many tokens go the same way."""
        way = state, byte
        if way not in self._steps:
            self._steps[way] = state.after(byte)
        return self._steps[way]


class Guide:
    """Leads one text along a constraint, and sees to it that the text gets done.

    There is always room for the shortest way to the end, which no text needs more
    tokens for than bytes.
    """

    def __init__(self, constraint: Constraint, budget: int, stop: Collection[int] = ()):
        """`budget` is the most tokens, and `stop` has tokens that may end the text.

        Raises ValueError when no text of the form is sure to fit, and for a token of
        `stop` that is not a special one.
        """
        least = constraint.expression.least
        if budget < least:
            raise ValueError(
                f"max_new_tokens must be at least {least} under this constraint, the "
                f"bytes of its shortest text, got {budget}"
            )
        if odd := sorted(set(stop) - constraint.special):
            raise ValueError(
                f"stop must hold special tokens beside a constraint, got {odd}"
            )
        self.constraint = constraint
        self.state = constraint.expression  # what is left to be written
        self.budget = budget
        self.stop = list(stop)
        self.done = False

    def allowed(self) -> Bool[Tensor, " vocab"]:
        """Which tokens may come next; where the text is done, any."""
        mask = torch.full([self.constraint.vocab], self.done)
        if not self.done:
            following = self.constraint.following(self.state)
            mask[following.tokens[following.least < self.budget]] = True
            if not self.state.least:
                mask[self.stop] = True
        return mask

    def mask(self, logits: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
        """The scores, minus infinity where a token may not come.

        Raises ValueError when they are not scores of the tokenizer's tokens.
        """
        if len(logits) != self.constraint.vocab:
            raise ValueError(
                f"the constraint's tokenizer has {self.constraint.vocab} tokens, the "
                f"model gave scores for {len(logits)}"
            )
        return logits.masked_fill(~self.allowed(), -torch.inf)

    def take(self, token: int) -> None:
        """Go on with this token, which was allowed."""
        if self.done:
            return
        self.budget -= 1
        if token in self.stop:
            self.done = True
        else:
            self.state = self.constraint.following(self.state).left[token]
            self.done = self.state == END


def mask_all(
    guides: Sequence[Guide], logits: Float[Tensor, "batch vocab"]
) -> Float[Tensor, "batch vocab"]:
    """The scores of each text as its guide masks them; without guides, as they are."""
    if not guides:
        return logits
    pairs = zip(guides, logits, strict=True)
    return torch.stack([guide.mask(row) for guide, row in pairs])


def take_all(guides: Sequence[Guide], tokens: Int[Tensor, " batch"]) -> None:
    """Let each guide, if there are any, go on with the token of its text."""
    if guides:
        for guide, token in zip(guides, tokens.tolist(), strict=True):
            guide.take(token)


def _tree(tokens: Collection[bytes]) -> Tree:
    """Tokens by their bytes: those that begin alike share the way."""
    root = Node([], {})
    for id, token in enumerate(tokens):
        node = root
        for byte in token:
            node = node.children.setdefault(byte, Node([], {}))
        node.tokens.append(id)
    return root.children
