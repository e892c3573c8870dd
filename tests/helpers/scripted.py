"""A GPT that says what it is told to: for tests of what is done with its answers."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from lib.instruct.template import END, ROLES, special_token
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer
from tests.helpers.models import TINY

SPECIAL = ("<|endoftext|>", *map(special_token, ROLES), END)
SAID = "Was it good? Yes. calculator(12 * (3 + 4)) is 84. How many stars? 3 of 5."
PAIRS = BytePairTokenizer.train(SAID * 3, 310, SPECIAL)


class Scripted(GPT):
    """Writes some answers, one after the other, each with the token that ends it."""

    def __init__(self, answers: Sequence[str], context: int = 400):
        super().__init__(replace(TINY, vocab=len(PAIRS), context=context))
        self.script = [id for text in answers for id in PAIRS.encode(text + END, [END])]

    def forward(self, ids, cache=None, mask=None, positions=None):
        scores = super().forward(ids, cache, mask, positions)
        wish = torch.full_like(scores, -9.0)
        wish[..., self.script.pop(0)] = 9.0
        return wish
