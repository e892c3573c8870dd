"""Generation: predict the next token, choose one, add it to the text, repeat."""

from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from jaxtyping import Int, Integer
from torch import Tensor, nn

from lib.data.ids import as_ids, id_list
from lib.generate.beam import Beams, beam_search
from lib.generate.constraint import Constraint, Guide, mask_all, take_all
from lib.generate.reader import Predict, Reader, make_reader
from lib.generate.sampling import Sampling
from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.model.modes import evaluating, unwrap

GREEDY = Sampling(temperature=0.0)


def generate(
    model: GPT | Predict,
    prompts: Integer[Tensor, " text"] | Sequence[Integer[Tensor, " _"]],
    max_new_tokens: int,
    strategy: Sampling | Beams = Sampling(),  # noqa: B008  (it is frozen)
    *,
    stop: Collection[int] = (),
    seed: int = 0,
    cached: bool = True,
    constraint: Constraint | None = None,
) -> Int[Tensor, " _"] | list[Int[Tensor, " _"]]:
    """Each prompt, continued by up to `max_new_tokens`; one prompt gives one text.

    `model` is a GPT, compiled or not, or a function from tokens to scores, such as a
    table. `strategy` says how a token is chosen. A text ends at the first token of
    `stop` that it gets, and keeps it. Text i is drawn with the seed `seed` + i, on the
    CPU: it is the same alone and in a batch, and on every device. Without the cache the
    texts are the same, but slower.

    A GPT looks back over its context alone. With rotary positions (or none), text and
    prompt may be longer: each token looks at the last `context` tokens. With learned
    positions that is refused.

    Under a `constraint` each text has its form when it ends, also by `max_new_tokens`;
    where nothing more may follow it ends without a token of `stop`.

    Raises ValueError that names the argument when a prompt is missing, empty, not one
    tensor of ids or has an id outside the vocabulary; when there are more tokens than
    learned positions; when `stop` is no collection of ids; when the model is an
    encoder; when scores are not finite; and for a constraint beside beams, or as
    `lib.generate.constraint.Guide` does.
    """
    alone = isinstance(prompts, Tensor)
    request = _request(model, prompts, max_new_tokens, stop, seed, constraint)
    if isinstance(strategy, Beams) and constraint is None:
        texts = [_search(request, row, strategy, cached) for row in request.prompts]
    elif isinstance(strategy, Beams):
        raise ValueError("a constraint needs a Sampling for a strategy, got Beams")
    elif isinstance(strategy, Sampling):
        steps = zip(*_sample(request, strategy, cached), strict=True)
        texts = [[token for token in text if token is not None] for text in steps]
    else:
        raise ValueError(f"strategy must be a Sampling or Beams, got {strategy!r}")
    joined = [
        torch.cat([row, row.new_tensor(text)])
        for row, text in zip(request.prompts, texts, strict=True)
    ]
    return joined[0] if alone else joined


def stream(
    model: GPT | Predict,
    prompt: Integer[Tensor, " text"],
    max_new_tokens: int,
    strategy: Sampling = Sampling(),  # noqa: B008
    *,
    stop: Collection[int] = (),
    seed: int = 0,
    cached: bool = True,
    constraint: Constraint | None = None,
) -> Iterator[int]:
    """The new tokens of `generate`, one by one, each as soon as it is drawn.

    Beams cannot be streamed: which text wins is known only at the end. The model is in
    evaluation until the last token, or until the iterator is closed.
    Raises ValueError as `generate` does, and when `strategy` is not a Sampling.
    """
    if not isinstance(prompt, Tensor):
        raise ValueError(f"prompt must be one tensor of ids, got {prompt!r}")
    request = _request(model, prompt, max_new_tokens, stop, seed, constraint)
    if not isinstance(strategy, Sampling):
        raise ValueError(f"strategy must be a Sampling to stream, got {strategy!r}")
    return _stream(_sample(request, strategy, cached))


def next_tokens(
    reader: Reader,
    ids: Int[Tensor, "batch time"],
    strategy: Sampling,
    generators: Sequence[torch.Generator],
    guides: Sequence[Guide] = (),
) -> Iterator[Int[Tensor, " batch"]]:
    """The next token of every text, then the one after it, without end.

    A guide for each text, if there are any, rules out what its form does not allow.
    """
    new = ids
    texts = ids.cpu()
    looks_back = strategy.repetition_penalty != 1  # no other rule asks for the texts
    while True:
        with torch.inference_mode():
            logits = reader.read(new.to(ids.device)).cpu()  # batch vocab
            logits = mask_all(guides, logits)
            new = strategy.choose(logits, texts, generators)[:, None]  # batch 1
            take_all(guides, new[:, 0])
            if looks_back:
                texts = torch.cat([texts, new], dim=1)
        yield new[:, 0]


@dataclass(frozen=True)
class _Request:
    """What is to be written, checked."""

    model: GPT | Predict
    prompts: list[Int[Tensor, " _"]]
    max_new_tokens: int
    stop: frozenset[int]
    seed: int
    constraint: Constraint | None

    def guides(self) -> list[Guide]:
        """One for each text, or none."""
        if self.constraint is None:
            return []
        asked = self.constraint, self.max_new_tokens, self.stop
        return [Guide(*asked) for _ in self.prompts]


def _request(
    model: Any,
    prompts: object,
    max_new_tokens: object,
    stop: object,
    seed: object,
    constraint: Constraint | None,
) -> _Request:
    """Raises ValueError that names what cannot be."""
    if isinstance(model, nn.Module):
        model = unwrap(model)
    _check_predicts(model)
    if type(max_new_tokens) is not int or max_new_tokens < 1:
        raise ValueError(
            f"max_new_tokens must be a whole number above 0, got {max_new_tokens!r}"
        )
    if type(seed) is not int or not 0 <= seed < 2**63:
        raise ValueError(f"seed must be a whole number in 0..2**63 - 1, got {seed!r}")
    vocab = model.config.vocab if isinstance(model, GPT) else None
    rows = _rows(prompts, vocab)
    if isinstance(model, GPT):
        _check_length(model, max(map(len, rows)), max_new_tokens)
    stop_ids = id_list(stop, 2**63 if vocab is None else vocab, "stop")
    stop = frozenset(stop_ids)
    request = _Request(model, rows, max_new_tokens, stop, seed, constraint)
    request.guides()  # raises ValueError for a constraint that cannot be kept
    return request


def _check_predicts(model: object) -> None:
    if isinstance(model, Encoder) or not callable(model):
        raise ValueError(
            f"model must be a GPT or a function from ids to scores, got "
            f"{type(model).__name__}"
        )


def _rows(prompts: object, vocab: int | None) -> list[Int[Tensor, " _"]]:
    if isinstance(prompts, Tensor):
        rows = [as_ids(prompts, "prompts", vocab)]
    elif isinstance(prompts, Sequence) and not isinstance(prompts, str):
        rows = [as_ids(row, f"prompts[{i}]", vocab) for i, row in enumerate(prompts)]
    else:
        raise ValueError(
            f"prompts must be a tensor of ids or a list of them, got {prompts!r}"
        )
    if not rows or not all(map(len, rows)):
        sizes = [len(row) for row in rows]
        raise ValueError(f"prompts need at least one token each, got {sizes} tokens")
    return rows


def _check_length(model: GPT, longest: int, max_new_tokens: int) -> None:
    """The last new token is not read, so it needs no position."""
    needed = longest + max_new_tokens - 1
    if model.config.positions == "learned" and needed > model.config.context:
        raise ValueError(
            f"the longest prompt and max_new_tokens={max_new_tokens} need {needed} "
            f"positions, but they were learned for {model.config.context}"
        )


def _stream(steps: Generator[list[int | None], None, None]) -> Iterator[int]:
    with closing(steps):
        for (token,) in steps:
            if token is not None:  # None stands only where other texts go on
                yield token


def _sample(
    request: _Request, strategy: Sampling, cached: bool
) -> Generator[list[int | None], None, None]:
    """The next token of each text, for as long as any goes on; None where one ended."""
    ids, padding = _align(request.prompts)
    seeds = range(request.seed, request.seed + len(ids))
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    guides = request.guides()
    going = [True] * len(ids)
    with _in_evaluation(request.model):
        reader = make_reader(request.model, padding, cached)
        steps = next_tokens(reader, ids, strategy, generators, guides)
        for tokens in islice(steps, request.max_new_tokens):
            pairs = zip(tokens.tolist(), going, strict=True)
            new = [token if on else None for token, on in pairs]
            yield new
            going = [token is not None and token not in request.stop for token in new]
            if guides:
                going = [not guide.done for guide in guides]
            if not any(going):
                return


def _search(
    request: _Request, prompt: Int[Tensor, " text"], strategy: Beams, cached: bool
) -> list[int]:
    with _in_evaluation(request.model), torch.inference_mode():
        reader = make_reader(request.model, [0], cached)
        return beam_search(
            reader, prompt, request.max_new_tokens, strategy, request.stop
        )


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


def _in_evaluation(model: GPT | Callable) -> AbstractContextManager[None]:
    """Dropout off; a function has none."""
    return evaluating(model) if isinstance(model, nn.Module) else nullcontext()
