"""The exercises of chapter 7: filters, the greedy loop, the cache and its window."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from lib.check.verdict import call, checker, of_kind, random_numbers, same, wrong_shape
from lib.generate.sampling import repetition_penalty

SHARES = {"steep": 0.5, "wide": 0.25, "closed": 0.15, "blue": 0.07, "the": 0.03}
KEPT = {"top_k 3": 3, "top_p 0.7": 2, "top_p 0.8": 3, "min_p 0.2": 3}


@checker
def kept(answer: object) -> Iterator[str]:
    """How many of the five words of `SHARES` each filter of `KEPT` leaves."""
    answer = of_kind(answer, dict)
    for name, true in KEPT.items():
        found = answer.get(name)
        if name == "top_p 0.7" and found == 1:
            yield "top_p 0.7: one word has 50 %, which is not 70 % yet; take one more."
        if name == "top_p 0.8" and found == 2:
            yield "top_p 0.8: two words have 75 % together, which is not 80 % yet."
        if name == "min_p 0.2" and found == 2:
            yield "min_p 0.2: the bound is 0.2 of the largest share, not 0.2 itself."
        if found != true:
            yield f"{name} does not leave {found}."


@checker
def reach(answer: Any) -> Iterator[str]:
    """The last number that token 0 matters to: 4 layers, a window of 64 tokens."""
    found = float(answer)
    if found in (63, 64):
        yield "that is one layer's reach; what a token looks at has itself looked back."
    if found in (4 * 64 - 1, 4 * 64):
        yield "a window of 64 holds the token itself, so a layer reaches 63 further."
    if found > 4 * 64:
        yield "layers add their reach, they do not multiply it, and there are four."
    if found < 64:
        yield "one layer alone reaches further, as the cell has printed."
    if found != 4 * 63:
        yield "each of the four layers reaches as far again as the first."


@checker
def penalty(answer: Callable) -> Iterator[str]:
    """`answer(scores, text, penalty)`: scores of a vocabulary after the penalty."""
    scores = 2 * random_numbers(8)
    text = torch.tensor([0, 3, 3, 5, 1])
    true = repetition_penalty(scores[None], text[None], 1.5)[0]
    seen = torch.zeros(8, dtype=torch.bool).scatter(0, text, True)
    before = scores.clone()
    result = call(answer, scores, text, 1.5)
    yield from wrong_shape(result, true)
    if not same(scores, before):
        yield "the scores that were given have changed; work on a copy."
    if same(result, torch.where(seen, scores / 1.5, scores)):
        yield "dividing a negative score makes it larger: multiply those."
    if same(result, torch.where(seen, scores * 1.5, scores)):
        yield "multiplying a positive score makes it larger: divide those."
    if same(result, torch.where(scores > 0, scores / 1.5, scores * 1.5)):
        yield "every token is penalized; only those in the text should be."
    twice = repetition_penalty(true[None], torch.tensor([[3]]), 1.5)[0]
    if same(result, twice):
        yield "token 3 stands in the text twice, and is penalized once all the same."
    if not same(result, true):
        worst = (result - true).abs().argmax().item()
        yield f"the score of token {worst} is not right."


@checker
def greedy(answer: Callable) -> Iterator[str]:
    """`answer(model, ids, max_new_tokens)`: the text, so many tokens longer."""
    table = random_numbers(7, 7)

    def model(ids: Tensor) -> Tensor:
        """Scores after each position, from the last two tokens."""
        if ids.dim() != 2:
            raise ValueError(f"the model wants (batch, time), got {tuple(ids.shape)}")
        before = ids.roll(1, dims=1)
        before[:, 0] = 0
        return table[ids] + 2 * table[before].flip(-1)

    ids = torch.tensor([2, 5, 1])
    true = ids
    for _ in range(6):
        true = torch.cat([true, model(true[None])[0, -1].argmax()[None]])
    result = call(answer, model, ids.clone(), 6)
    if result.shape == (1, 9):
        yield "the text should have one axis; take row 0 of the batch."
    if same_ids(result, true[3:]):
        yield "the prompt is missing: give the whole text."
    yield from wrong_shape(result, true)
    if same_ids(result, torch.cat([ids, model(ids[None])[0, -1].argsort()[-6:]])):
        yield "these are the six best tokens for one place; ask again after each one."
    if not result[:3].equal(ids):
        yield "the text should begin with the prompt."
    if not same_ids(result[:4], true[:4]):
        yield "the first new token is wrong: take the scores after the last position."
    if not same_ids(result, true):
        yield "the first new token is right, a later one is not: did the model see it?"


@checker
def cache_size(answer: Callable) -> Iterator[str]:
    """`answer(layers, kv_heads, dim, context, size)`: bytes of a key-value cache."""
    for layers, kv_heads, dim, context, size in ((5, 3, 7, 11, 4), (2, 1, 8, 16, 2)):
        found = call(answer, layers, kv_heads, dim, context, size, kind=object)
        true = 2 * layers * kv_heads * dim * context * size
        if 2 * found == true:
            yield "keys and values: there are two of everything."
        if layers * found == true:
            yield "every layer keeps its own."
        if size * found == true:
            yield "these are numbers; each of them takes `size` bytes."
        if kv_heads > 1 and kv_heads * found == true:
            yield "every head with keys of its own keeps its own."
        if found != true:
            yield (
                f"{layers} layers, {kv_heads} heads, {dim} numbers each, {context} "
                f"tokens and {size} bytes give {true}, not {found}."
            )


@checker
def ring(answer: Callable) -> Iterator[str]:
    """`answer(seen, context)`: the token in each slot after `seen` tokens, a list."""
    for seen, context in ((3, 4), (4, 4), (6, 4), (11, 4)):
        found = call(answer, seen, context, kind=list)
        true = [max(range(s, seen, context)) for s in range(min(seen, context))]
        case = f"after {seen} tokens with {context} slots"
        if found == list(range(seen)) and seen > context:
            yield f"{case} the newest have taken the slots of the oldest."
        if found == list(range(context)) and seen > context:
            yield f"{case} the first tokens are gone; token t is in slot t % {context}."
        if len(found) == context > seen:
            yield f"{case} only {seen} are in use."
        if sorted(found) == sorted(true) and found != true:
            yield f"{case} the right tokens are kept, but not in those slots."
        if found != true:
            yield f"{case} the slots do not hold {found}."


def same_ids(found: Tensor, true: Tensor) -> bool:
    return found.shape == true.shape and bool((found == true).all())
