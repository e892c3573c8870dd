"""Generation: predict the next token, choose one, add it to the text, again."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import torch
from jaxtyping import Int
from torch import Tensor, nn

from lib.generate import beam
from lib.generate.beam import Beams
from lib.generate.reader import Predict, Reader, make_reader
from lib.generate.sampling import Sampling
from lib.model.gpt import GPT

GREEDY = Sampling(temperature=0.0)


def generate(
    model: GPT | Predict,
    prompts: Int[Tensor, " text"] | Sequence[Int[Tensor, " _"]],
    many: int,
    how: Sampling | Beams = Sampling(),  # noqa: B008  (it is frozen)
    stop: Collection[int] = (),
    seed: int = 0,
    cached: bool = True,
) -> Int[Tensor, " _"] | list[Int[Tensor, " _"]]:
    """Each prompt with up to `many` tokens more; one prompt gives one text.

    `model` is a GPT, or a function from tokens to scores, such as a table. `how` says
    how a token is chosen. A text ends with, and keeps, the first token of `stop` that
    it gets. Text i is drawn with `seed` + i, on the CPU: it is the same alone and in
    company, on every device. Without the cache the texts are the same, but slower.

    A GPT looks back over its context alone. With rotary positions (or none), text and
    prompt may be longer: each token looks at the last `context` tokens. With learned
    ones that is refused.

    Raises ValueError that names what cannot be: no prompt, an empty one, an id outside
    the vocabulary, `many` below 1, more tokens than learned positions, scores that are
    not finite.
    """
    alone = isinstance(prompts, Tensor)
    rows = [prompts] if alone else list(prompts)
    _check(model, rows, many)
    if isinstance(how, Beams):
        texts = [_search(model, row, many, how, stop, cached) for row in rows]
    else:
        drawn = _steps(model, rows, many, how, stop, seed, cached)
        texts = [
            [t for t in text if t is not None] for text in zip(*drawn, strict=True)
        ]
    joined = [
        torch.cat([row, row.new_tensor(text)])
        for row, text in zip(rows, texts, strict=True)
    ]
    return joined[0] if alone else joined


def stream(
    model: GPT | Predict,
    prompt: Int[Tensor, " text"],
    many: int,
    how: Sampling | Beams = Sampling(),  # noqa: B008
    stop: Collection[int] = (),
    seed: int = 0,
    cached: bool = True,
) -> Iterator[int]:
    """The new tokens of `generate`, one by one, each as soon as it is drawn.

    Beams cannot be streamed: which text wins is known at the end. The model is out of
    training mode until the last token, or until the iterator is closed.
    Raises ValueError as `generate` does, and when `how` is not a Sampling.
    """
    _check(model, [prompt], many)
    if not isinstance(how, Sampling):
        raise ValueError(f"how must be a Sampling to stream, got {how}")
    drawn = _steps(model, [prompt], many, how, stop, seed, cached)
    return (token for (token,) in drawn)


def draws(
    reader: Reader,
    ids: Int[Tensor, "batch time"],
    how: Sampling,
    generators: Sequence[torch.Generator],
) -> Iterator[Int[Tensor, " batch"]]:
    """The next token of every text, then the next, without end."""
    new, texts = ids, ids.cpu()
    looks_back = how.repetition_penalty != 1  # no other rule asks for the texts
    while True:
        with torch.inference_mode():
            logits = reader.read(new.to(ids.device)).cpu()  # batch vocab
            new = how.choose(logits, texts, generators)[:, None]  # batch 1
            texts = torch.cat([texts, new], dim=1) if looks_back else texts
        yield new[:, 0]


def _steps(
    model: GPT | Predict,
    prompts: Sequence[Int[Tensor, " _"]],
    many: int,
    how: Sampling,
    stop: Collection[int],
    seed: int,
    cached: bool,
) -> Iterator[list[int | None]]:
    """Draws, up to `many`, for as long as a text goes on; None where one has ended."""
    ids, padding = _align(prompts)
    generators = [torch.Generator().manual_seed(seed + i) for i in range(len(ids))]
    going = [True] * len(ids)
    with _out_of_training(model):
        reader = make_reader(model, padding, cached)
        for drawn in islice(draws(reader, ids, how, generators), many):
            new = [
                t if on else None for t, on in zip(drawn.tolist(), going, strict=True)
            ]
            yield new
            going = [t is not None and t not in stop for t in new]
            if not any(going):
                return


def _search(
    model: GPT | Predict,
    prompt: Int[Tensor, " text"],
    many: int,
    beams: Beams,
    stop: Collection[int],
    cached: bool,
) -> list[int]:
    with _out_of_training(model), torch.inference_mode():
        reader = make_reader(model, [0], cached)
        return beam.search(reader, prompt, many, beams, stop)


def _align(
    prompts: Sequence[Int[Tensor, " _"]],
) -> tuple[Int[Tensor, "batch time"], list[int]]:
    """Prompts that end together, and how many tokens were put before each.

    What is put there is the prompt's own first token; nobody looks at it.
    """
    longest = max(map(len, prompts))
    padding = [longest - len(prompt) for prompt in prompts]
    pairs = zip(prompts, padding, strict=True)
    return torch.stack([torch.cat([p[:1].expand(n), p]) for p, n in pairs]), padding


@contextmanager
def _out_of_training(model: GPT | Predict) -> Iterator[None]:
    """Dropout off for a while, if the model has such a thing."""
    was_training = isinstance(model, nn.Module) and model.training
    if was_training:
        model.eval()
    try:
        yield
    finally:
        if was_training:
            model.train()


def _check(
    model: GPT | Predict, prompts: Sequence[Int[Tensor, " _"]], many: int
) -> None:
    if type(many) is not int or many < 1:
        raise ValueError(f"many must be a whole number above 0, got {many!r}")
    if not prompts or not all(map(len, prompts)):
        sizes = [len(prompt) for prompt in prompts]
        raise ValueError(f"prompts need at least one token each, got {sizes} tokens")
    if not isinstance(model, GPT):
        return
    config, longest = model.config, max(map(len, prompts)) + many - 1
    low, high = min(p.min() for p in prompts), max(p.max() for p in prompts)
    if low < 0 or high >= config.vocab:
        raise ValueError(
            f"prompts must be ids in 0..{config.vocab - 1}, got {low}..{high}"
        )
    if config.positions == "learned" and longest > config.context:
        raise ValueError(
            f"the longest prompt and many={many} need {longest} positions, "
            f"but they were learned for {config.context}"
        )
