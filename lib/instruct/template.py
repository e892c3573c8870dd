"""The chat template: a conversation as tokens, and back.

A turn is the special token of its role, its text, and a token that ends it:

    <|user|>Was it good?<|end|><|assistant|>Yes.<|end|>

The special tokens have ids of their own, which no text can write. Where somebody types
`<|end|>`, that is seven characters like any others.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, SupportsIndex

import torch
from jaxtyping import Int
from torch import Tensor

from lib.data.ids import id_list
from lib.tokens.description import WritingTokenizer
from lib.tokens.tokenizer import BytePairTokenizer

ROLES = ("system", "user", "assistant", "tool")
ASSISTANT = "assistant"  # whose turns the model writes
END = "<|end|>"  # the special token that ends a turn


class Turn(NamedTuple):
    """What somebody says: the role is one of `ROLES`."""

    role: str
    text: str


class Lesson(NamedTuple):
    """A conversation to learn from: at each token, the token to predict, or -1."""

    ids: Int[Tensor, " time"]
    targets: Int[Tensor, " time"]


class Template:
    """Conversations as ids, with the special tokens of one tokenizer.

    `roles` has the role of each id that begins a turn, `end` is the id that ends one.
    """

    def __init__(self, tokenizer: WritingTokenizer):
        """Raises ValueError when a special token of the template is missing."""
        needed = [*map(special_token, ROLES), END]
        special = getattr(tokenizer, "special", {})
        missing = [name for name in needed if name not in special]
        if missing or not isinstance(tokenizer, BytePairTokenizer):
            raise ValueError(f"tokenizer must have the special tokens {missing}")
        self.tokenizer = tokenizer
        self.roles = {special[special_token(role)]: role for role in ROLES}
        self.end = special[END]

    def encode(self, turns: Iterable[Turn]) -> list[int]:
        """The ids of some turns; `decode` gives the same turns back.

        Special tokens that a text names become ordinary tokens. Raises ValueError for
        what is no turn, for an unknown role, and for text that is not valid Unicode.
        """
        said = list(turns)
        check_turns(said)
        return [id for turn in said for id in self._turn(turn)]

    def prompt(self, turns: Iterable[Turn]) -> list[int]:
        """The ids of some turns, and the token after which the model answers."""
        return [*self.encode(turns), self._role(ASSISTANT)]

    def decode(self, ids: Iterable[SupportsIndex]) -> list[Turn]:
        """The turns of some ids.

        Raises ValueError when a turn does not begin with its role, when one is
        unfinished, and when there is another special token in its text.
        """
        numbers = id_list(ids, len(self.tokenizer))
        starts = [0, *(n + 1 for n, id in enumerate(numbers) if id == self.end)]
        if starts[-1] != len(numbers):
            raise ValueError(
                f"turn {len(starts)} is unfinished, expected {END} at its end, got "
                f"{self.tokenizer.decode(numbers[starts[-1] :])!r}"
            )
        cuts = enumerate(pairwise(starts), 1)
        return [self._read(turn, numbers[start:end]) for turn, (start, end) in cuts]

    def lesson(self, turns: Sequence[Turn], context: int) -> Lesson:
        """A conversation to learn from: the targets are the answers alone, others -1.

        An answer is what the assistant says, and the token that ends its turn. Each
        token stands beside the next one, as in `lib.train.windows`. Raises ValueError
        as `encode` does, when there is no answer, and when the conversation does not
        fit the context.

        Source: Touvron et al. 2023, "Llama 2: Open Foundation and Fine-Tuned Chat
        Models", section 3.1 (the loss is zero on what the user says).
        """
        check_turns(turns)
        if all(turn.role != ASSISTANT for turn in turns):
            roles = [turn.role for turn in turns]
            raise ValueError(f"turns must have one of the {ASSISTANT}'s, got {roles}")
        ids: list[int] = []
        targets: list[int] = []
        for number, turn in enumerate(turns, 1):
            role, *said = self._turn(turn)
            ids += [role, *said]
            targets += [-1, *(said if turn.role == ASSISTANT else [-1] * len(said))]
            if len(ids) - 1 > context:
                raise ValueError(_too_long(number, turn, len(said), len(ids), context))
        return Lesson(torch.tensor(ids[:-1]), torch.tensor(targets[1:]))

    def _turn(self, turn: Turn) -> Iterator[int]:
        yield self._role(turn.role)
        yield from self.tokenizer.encode(turn.text)
        yield self.end

    def _role(self, role: str) -> int:
        return self.tokenizer.special[special_token(role)]

    def _read(self, number: int, ids: Sequence[int]) -> Turn:
        """The turn of some ids, the last of which ends it."""
        first, said = ids[0], ids[1:-1]
        special = {id: name for name, id in self.tokenizer.special.items()}
        if first not in self.roles:
            raise ValueError(
                f"turn {number} must begin with a role, {[*map(special_token, ROLES)]},"
                f" got {self.tokenizer.decode([first])!r}"
            )
        if odd := [special[id] for id in said if id in special]:
            raise ValueError(f"turn {number} must be text up to {END}, got {odd[0]}")
        return Turn(self.roles[first], self.tokenizer.decode(said))


def special_token(role: str) -> str:
    """The special token that begins the turns of a role."""
    return f"<|{role}|>"


def check_turns(turns: Iterable[object]) -> None:
    """Raises ValueError unless all are pairs of a known role and a text."""
    for turn in turns:
        if not isinstance(turn, Turn):
            raise ValueError(f"a turn must be a Turn(role, text), got {turn!r}")
        if turn.role not in ROLES:
            raise ValueError(f"role must be one of {list(ROLES)}, got {turn.role!r}")


def _too_long(number: int, turn: Turn, said: int, so_far: int, context: int) -> str:
    what = "an answer" if turn.role == ASSISTANT else "a turn"
    return (
        f"a conversation must fit the context, {context} tokens: turn {number}, {what} "
        f"of {said} tokens, follows {so_far - said}"
    )
