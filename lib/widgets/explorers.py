"""Explorers: controls that work on the page alone, with no running Python."""

import itertools
import math
from collections.abc import Sequence
from importlib import resources

import torch
from IPython.display import HTML
from jaxtyping import Float
from torch import Tensor

from lib.plots.labels import visible
from lib.tokens.bpe import BYTES, WORD
from lib.tokens.tokenizer import BytePairTokenizer
from lib.widgets.template import fill, options, script_json

# Explorers are counted, not named at random: the same notebook gives the same page.
_numbers = itertools.count(1)
GUESSES = 3  # tokens that are named at each part of a stream


def stream_explorer(
    vocabulary: Sequence[str],
    texts: Sequence[Sequence[str]],
    streams: Sequence[dict[str, Float[Tensor, "1 _ width"]]],
    guesses: Sequence[dict[str, Float[Tensor, "1 _ vocab"]]],
) -> HTML:
    """Follow one token through the parts of a GPT on prepared texts, with no kernel.

    For each text `streams` holds what `lib.inside.hooks.residual_stream` gave and
    `guesses` what `lib.inside.logit_lens.read_out` gave. Shown are the stream's length,
    the length of what the part added, and the three likeliest next tokens. Raises
    ValueError when there is no text, texts and streams do not fit, or a token is not in
    the vocabulary.
    """
    _check_texts(texts, streams=streams, guesses=guesses)
    data = [
        {"tokens": list(tokens), "steps": _rows(vocabulary, tokens, stream, guess)}
        for tokens, stream, guess in zip(texts, streams, guesses, strict=True)
    ]
    parts = [name.removeprefix("blocks.") for name in streams[0]]
    return _page(
        "stream",
        LABEL="The residual stream by text, position and part",
        TEXTS=options(visible("".join(tokens)) for tokens in texts),
        PARTS=options(parts),
        NAMES=script_json(parts),
        DATA=script_json(data),
    )


def _rows(
    vocabulary: Sequence[str],
    tokens: Sequence[str],
    stream: dict[str, Float[Tensor, "1 time width"]],
    guess: dict[str, Float[Tensor, "1 time vocab"]],
) -> list:
    """By position, then part: length, length added, guesses, percent for what came."""
    vectors = torch.cat(list(stream.values()))  # part time width
    if vectors.size(1) != len(tokens):
        raise ValueError(f"{len(tokens)} tokens do not fit {vectors.size(1)} positions")
    numbers = {token: number for number, token in enumerate(vocabulary)}
    if unknown := [token for token in tokens if token not in numbers]:
        raise ValueError(f"tokens must be in the vocabulary, {unknown[:5]} are not")
    lengths = vectors.norm(dim=-1)  # part time
    added = vectors.diff(dim=0, prepend=torch.zeros_like(vectors[:1])).norm(dim=-1)
    percents = 100 * torch.cat(list(guess.values()))  # part time vocab
    top = percents.topk(min(GUESSES, len(vocabulary)), dim=-1)
    rows = []
    for t in range(len(tokens)):
        came = [numbers[token] for token in tokens[t + 1 : t + 2]]  # none at the end
        rows.append(
            [
                [
                    round(lengths[part, t].item(), 2),
                    round(added[part, t].item(), 2),
                    [
                        [vocabulary[i], round(percents[part, t, i].item())]
                        for i in top.indices[part, t].tolist()
                    ],
                    *[round(percents[part, t, i].item()) for i in came],
                ]
                for part in range(len(vectors))
            ]
        )
    return rows


def softmax_explorer(names: Sequence[str], scores: Sequence[float]) -> HTML:
    """Move the temperature and watch scores turn into shares, with no kernel.

    Raises ValueError when there is no name, or not one finite score for each.
    """
    if not len(names) or len(names) != len(scores):
        raise ValueError(f"{len(names)} names do not fit {len(scores)} scores")
    if not all(map(math.isfinite, scores)):
        raise ValueError(f"scores must be finite, got {list(scores)}")
    return _page(
        "softmax",
        LABEL="Softmax by temperature",
        NAMES=script_json(list(names)),
        SCORES=script_json(list(scores)),
    )


def next_token_explorer(
    vocabulary: Sequence[str],
    texts: Sequence[str],
    scores: Sequence[Float[Tensor, " vocab"]],
) -> HTML:
    """Move temperature and top-p and watch what may come next, with no kernel.

    `scores` holds a model's scores for the token after each text, rounded here to two
    decimals. Raises ValueError when there is no text, texts, scores and vocabulary do
    not fit, or a score is not finite.
    """
    _check_texts(texts, scores=scores)
    for one in scores:
        if len(one) != len(vocabulary):
            raise ValueError(f"{len(vocabulary)} tokens do not fit {len(one)} scores")
        if not one.isfinite().all():
            raise ValueError("scores must be finite, got NaN or infinite ones")
    data = [[round(score, 2) for score in one.tolist()] for one in scores]
    return _page(
        "next",
        LABEL="The next token by text, temperature and top-p",
        TEXTS=options(visible(text) for text in texts),
        NAMES=script_json([visible(token) for token in vocabulary]),
        DATA=script_json(data),
    )


def token_explorer(tokenizer: BytePairTokenizer, texts: Sequence[str]) -> HTML:
    """See the tokens of prepared texts, or of a text typed in, with no kernel.

    The page has the merges and encodes as `tokenizer.encode` does. A slider says how
    many of them are used, from none (bytes) to all. The page has no special tokens.
    Raises ValueError when there is no text.
    """
    _check_texts(texts)
    word = WORD.replace(r"\s", r"\p{White_Space}").replace(r"\S", r"\P{White_Space}")
    return _page(
        "tokens",
        LABEL="Tokens by text and number of merges",
        OPTIONS=options(visible(text) for text in texts),
        MANY=str(len(tokenizer.merges)),
        BYTES=str(BYTES),
        WORD=script_json(word),
        TEXTS=script_json(list(texts)),
        MERGES=script_json(tokenizer.merges),
    )


def word_explorer(
    words: Sequence[str],
    places: Float[Tensor, "batch 2"],
    alike: Float[Tensor, "query key"],
    many: int = 8,
    chosen: str | None = None,
) -> HTML:
    """A map of words: point at one, or choose it, and see those most like it.

    `alike` has a row and a column for each word, which says how alike two are; the
    `many` most alike are kept, in whole percents. `chosen` is the word to begin with,
    if not the first.
    Raises ValueError when there are fewer than two words, words, places and `alike` do
    not fit, or `chosen` is none of the words.
    """
    if len(words) < 2 or many < 1:
        raise ValueError(
            f"there must be 2 words and 1 neighbor or more, got {len(words)} words "
            f"and many={many}"
        )
    if chosen is not None and chosen not in words:
        raise ValueError(f"chosen must be one of the words, got {chosen!r}")
    if not tuple(alike.shape) == (len(places),) * 2 == (len(words),) * 2:
        raise ValueError(
            f"{len(words)} words do not fit places of shape {tuple(places.shape)} "
            f"and likeness of shape {tuple(alike.shape)}"
        )
    best = alike.clone().fill_diagonal_(-torch.inf).topk(min(many, len(words) - 1))
    percents = (100 * best.values).round().int().tolist()
    extent = (places.amax(0) - places.amin(0)).clamp(min=1e-12)
    spots = ((places - places.amin(0)) / extent).tolist()
    data = [
        {"word": word, "at": [round(x, 3), round(y, 3)], "near": near, "percent": share}
        for word, (x, y), near, share in zip(
            words, spots, best.indices.tolist(), percents, strict=True
        )
    ]
    return _page(
        "words",
        LABEL="A map of words and the words most like each",
        WORDS=options(words),
        FIRST=str(0 if chosen is None else list(words).index(chosen)),
        MANY=str(best.indices.size(1)),
        DATA=script_json(data),
    )


def _page(name: str, **values: str) -> HTML:
    """The page of an explorer, with its data in place."""
    path = resources.files("lib.widgets") / "pages" / f"{name}.html"
    number = f"gpt-explorer-{next(_numbers)}"
    return HTML(fill(path.read_text(encoding="utf-8"), {"ID": number, **values}))


def _check_texts(texts: Sequence, **others: Sequence) -> None:
    """Raise ValueError unless there is a text, and one of each other thing for each."""
    if not len(texts):
        raise ValueError("texts must hold at least one text, got none")
    for name, things in others.items():
        if len(things) != len(texts):
            raise ValueError(f"{len(texts)} texts do not fit {len(things)} {name}")
