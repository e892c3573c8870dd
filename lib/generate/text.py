"""Text: a prompt goes in, and what a GPT writes comes out piece by piece."""

from codecs import getincrementaldecoder
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lib.generate.loop import stream
from lib.generate.sampling import Sampling, check_scores
from lib.model.gpt import GPT
from lib.tokens.description import WritingTokenizer

END = "<|endoftext|>"  # the special token that ends a text, where there is one
MOST = 200  # new tokens, where nobody says how many


class Scored(NamedTuple):
    """A new token, and the probability that the model gave it."""

    id: int
    probability: float


def stream_text(
    model: GPT,
    tokenizer: WritingTokenizer,
    prompt: str,
    max_new_tokens: int | None = None,
    strategy: Sampling = Sampling(),  # noqa: B008  (it is frozen)
    *,
    stop: Collection[int] | None = None,
    seed: int = 0,
) -> Iterator[str]:
    """What follows `prompt`, piece by piece, as soon as a piece is whole characters.

    The tokens are those of `stream_scored`; the text ends before the first one of
    `stop`. Raises ValueError as `stream_scored` does.
    """
    stop = ends(tokenizer) if stop is None else stop
    tokens = stream_scored(
        model, tokenizer, prompt, max_new_tokens, strategy, stop=stop, seed=seed
    )
    return decode_stream(tokenizer, (id for id, _ in tokens if id not in stop))


def stream_scored(
    model: GPT,
    tokenizer: WritingTokenizer,
    prompt: str,
    max_new_tokens: int | None = None,
    strategy: Sampling = Sampling(),  # noqa: B008
    *,
    stop: Collection[int] | None = None,
    seed: int = 0,
) -> Iterator[Scored]:
    """The tokens of `stream`, each with the probability that the model gave it.

    That is the model's own, before temperature, filters and penalty. Without
    `max_new_tokens` there are `MOST`, or as many as learned positions have room for.
    Tokens end with the first one of `stop`; None means `END`, where there is one.
    Raises ValueError as `stream` does, and for a prompt that is empty or that the
    tokenizer cannot encode.
    """
    ids = encode_prompt(tokenizer, prompt).to(model.embed.tokens.weight.device)
    noting = _Noting.like(strategy)
    tokens = stream(
        model,
        ids,
        room(model, len(ids)) if max_new_tokens is None else max_new_tokens,
        noting,
        stop=ends(tokenizer) if stop is None else stop,
        seed=seed,
    )
    return (Scored(token, noting.noted.pop()) for token in tokens)


def decode_stream(tokenizer: WritingTokenizer, ids: Iterable[int]) -> Iterator[str]:
    """The text of ids as they come: joined, it is what `tokenizer.decode` gives.

    Bytes are held back until they are a character, or cannot become one any more.
    """
    decoder = getincrementaldecoder("utf-8")(errors="replace")
    for id in ids:
        token = tokenizer.tokens[id]
        text = decoder.decode(token) if isinstance(token, bytes) else token
        if text:
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def encode_prompt(tokenizer: WritingTokenizer, prompt: str) -> Int[Tensor, " text"]:
    """The ids of a prompt; names of special tokens in it are plain text.

    Raises ValueError when it is empty, and for what the tokenizer cannot encode.
    """
    ids = tokenizer.encode(prompt)
    if not ids:
        raise ValueError(f"prompt must have at least one token, got {prompt!r}")
    return torch.tensor(ids)


def ends(tokenizer: WritingTokenizer) -> list[int]:
    """The id of `END`, if the tokenizer has that token."""
    special = getattr(tokenizer, "special", {})
    return [special[END]] if END in special else []


def room(model: GPT, length: int) -> int:
    """How many tokens may follow so many: `MOST`, or fewer where positions are learned.

    At least one; `stream` says so where there is no room for that either.
    """
    if model.config.positions != "learned":
        return MOST
    return max(1, min(MOST, model.config.context - length + 1))


@dataclass(frozen=True)
class _Noting(Sampling):
    """Draws like any other, and notes how likely the model found what it drew."""

    noted: list[float] = field(default_factory=list)

    @classmethod
    def like(cls, strategy: object) -> "_Noting":
        """Raises ValueError unless it is a Sampling."""
        if not isinstance(strategy, Sampling):
            raise ValueError(f"strategy must be a Sampling to stream, got {strategy!r}")
        return cls(**asdict(strategy))

    def choose(
        self,
        logits: Float[Tensor, "batch vocab"],
        texts: Int[Tensor, "batch time"],
        generators: Sequence[torch.Generator],
    ) -> Int[Tensor, " batch"]:
        chosen = super().choose(logits, texts, generators)
        shares = check_scores(logits).softmax(-1)
        self.noted.extend(shares.gather(1, chosen[:, None])[:, 0].tolist())
        return chosen
