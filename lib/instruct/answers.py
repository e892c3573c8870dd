"""Answers: many conversations at once, each with what the model says next.

It is what `evaluate` asks: a model and its tokenizer, as something that replies.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from types import MappingProxyType

import torch
from torch import nn

from lib.generate.constraint import Constraint
from lib.generate.loop import GREEDY, generate
from lib.generate.sampling import Sampling
from lib.instruct.chat import SHORTEST, as_gpt
from lib.instruct.tasks.task import Example
from lib.instruct.template import ASSISTANT, Template, Turn
from lib.instruct.tools import Tool, answer_call
from lib.tokens.description import WritingTokenizer

BATCH = 50  # conversations read together
NO_TOOLS: Mapping[str, Tool] = MappingProxyType({})


class Answers:
    """A model that replies to conversations, in the words of the chat template.

    >>> Answers(model, tokenizer).replies([["Is it good?"], ["Is it?", "Yes.", "Why?"]])
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: WritingTokenizer,
        strategy: Sampling = GREEDY,
        *,
        max_new_tokens: int = 60,
        constraint: Constraint | None = None,
        tools: Mapping[str, Tool] = NO_TOOLS,
    ):
        """What the model may call is in `tools`.

        Raises ValueError when the model is no GPT, when it and the tokenizer do not
        have the same number of tokens, and when a special token is missing.
        """
        self.model = as_gpt(model, len(tokenizer))
        self.template = Template(tokenizer)
        self.strategy = strategy
        self.max_new_tokens = max_new_tokens
        self.constraint = constraint
        self.tools = tools

    def replies(self, conversations: Sequence[Sequence[str]]) -> list[str]:
        """A reply to each; turns are the user's, the model's, and so on by turns.

        A reply ends at any special token. A call of a tool is answered, and the reply
        to that counts; where the context has no room for it, the call is the reply. No
        tool is called twice. Raises ValueError when a conversation does not end with
        the user's words or does not fit the context, and as `generate` does.
        """
        talks = [as_turns(said) for said in conversations]
        given = self._answer(talks)
        for place, reply in enumerate(given):
            told = answer_call(reply, self.tools)
            if told is None:
                continue
            longer = [*talks[place], Turn(ASSISTANT, reply), Turn("tool", told)]
            if self._fits(self.template.prompt(longer)):
                talks[place] = longer
        again = [place for place, talk in enumerate(talks) if talk[-1].role == "tool"]
        later = self._answer([talks[place] for place in again])
        for place, reply in zip(again, later, strict=True):
            given[place] = reply
        return given

    def _answer(self, talks: Sequence[Sequence[Turn]]) -> list[str]:
        """What the model says next in each conversation."""
        prompts = [self.template.prompt(talk) for talk in talks]
        for number, prompt in enumerate(prompts, 1):
            if not self._fits(prompt):
                raise ValueError(
                    f"a conversation must fit the context of "
                    f"{self.model.config.context} tokens with an answer, got "
                    f"{len(prompt)} tokens in number {number}"
                )
        order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
        read = self._read([prompts[place] for place in order])
        said = dict(zip(order, read, strict=True))
        return [said[place] for place in range(len(prompts))]

    def _read(self, prompts: list[list[int]]) -> Iterator[str]:
        """A reply to each prompt; those of like lengths are read together."""
        special = self.template.tokenizer.special.values()
        for start in range(0, len(prompts), BATCH):
            some = prompts[start : start + BATCH]
            texts = generate(
                self.model,
                [torch.tensor(prompt) for prompt in some],
                self.max_new_tokens,
                self.strategy,
                stop=list(special),
                constraint=self.constraint,
            )
            for prompt, text in zip(some, texts, strict=True):
                said = text[len(prompt) :].tolist()
                written = [id for id in said if id not in special]
                yield self.template.tokenizer.decode(written)

    def _fits(self, prompt: list[int]) -> bool:
        """Whether the context has room for the shortest answer too."""
        return len(prompt) + SHORTEST - 1 <= self.model.config.context


def as_turns(said: Sequence[str]) -> list[Turn]:
    """What the user and the model say by turns, the user first and last.

    Raises ValueError when the last words are not the user's.
    """
    if isinstance(said, str) or len(said) % 2 == 0:
        raise ValueError(f"a conversation must end with the user's words, got {said!r}")
    roles = cycle(("user", ASSISTANT))
    return [Turn(role, text) for role, text in zip(roles, said, strict=False)]


def conversation(example: Example) -> list[Turn]:
    """The whole of an example, to learn from: all that was said, and the answer."""
    answer = Turn(ASSISTANT, example.answer)
    return [*as_turns(example.turns), *example.steps, answer]
