"""Controls: explorers that need no running Python, panels that ask the live model."""

import html
import itertools
import json
from collections.abc import Sequence
from importlib import resources

import torch
from IPython.display import HTML
from jaxtyping import Float
from torch import Tensor

from lib.plots.labels import visible
from lib.tokens.bpe import BYTES, WORD
from lib.tokens.tokenizer import BytePairTokenizer

# A counter, not random names: the same notebook gives the same page.
_numbers = itertools.count(1)


def attention_explorer(
    texts: Sequence[Sequence[str]], weights: Sequence[Float[Tensor, "layer head _ _"]]
) -> HTML:
    """Look into every head of every layer on prepared texts, with no kernel.

    `texts` holds the tokens of each text, `weights` what a causal model did with it, in
    the shape (layer, head, query, key). Weights are rounded to whole percents.
    Raises ValueError when texts and weights do not fit.
    """
    for tokens, seen in zip(texts, weights, strict=True):
        if seen.shape[-2:] != (len(tokens), len(tokens)):
            raise ValueError(
                f"{len(tokens)} tokens do not fit weights of shape {tuple(seen.shape)}"
            )
    data = [
        {"tokens": list(tokens), "weights": _lower_triangles(seen)}
        for tokens, seen in zip(texts, weights, strict=True)
    ]
    layers, heads = weights[0].shape[:2]
    return _fill(
        "attention",
        LABEL="Attention by text, layer, head and position",
        TEXTS=_options(visible("".join(tokens)) for tokens in texts),
        LAYERS=_options(range(layers)),
        HEADS=_options(range(heads)),
        DATA=_json(data),
    )


def stream_explorer(
    vocabulary: Sequence[str],
    texts: Sequence[Sequence[str]],
    streams: Sequence[dict[str, Float[Tensor, "1 _ width"]]],
    guesses: Sequence[dict[str, Float[Tensor, "1 _ vocab"]]],
) -> HTML:
    """Follow one token through the parts of a GPT on prepared texts, with no kernel.

    For each text `streams` holds what `hooks.residual_stream` gave for it and `guesses`
    what `lens.read_out` gave. Shown are the stream's length, the length of what the
    part added, and the three likeliest next tokens. Raises ValueError when texts and
    streams do not fit.
    """
    data = [
        {"tokens": list(tokens), "steps": _steps(vocabulary, tokens, stream, guess)}
        for tokens, stream, guess in zip(texts, streams, guesses, strict=True)
    ]
    parts = [name.removeprefix("blocks.") for name in streams[0]]
    return _fill(
        "stream",
        LABEL="The residual stream by text, position and part",
        TEXTS=_options(visible("".join(tokens)) for tokens in texts),
        PARTS=_options(parts),
        NAMES=_json(parts),
        DATA=_json(data),
    )


def _steps(
    vocabulary: Sequence[str],
    tokens: Sequence[str],
    stream: dict[str, Float[Tensor, "1 time width"]],
    guess: dict[str, Float[Tensor, "1 time vocab"]],
) -> list:
    """By position, then part: length, length added, guesses, percent for the truth."""
    vectors = torch.cat(list(stream.values()))  # part time width
    if vectors.size(1) != len(tokens):
        raise ValueError(f"{len(tokens)} tokens do not fit {vectors.size(1)} positions")
    lengths = vectors.norm(dim=-1)  # part time
    added = vectors.diff(dim=0, prepend=torch.zeros_like(vectors[:1])).norm(dim=-1)
    percents = 100 * torch.cat(list(guess.values()))  # part time vocab
    top = percents.topk(3, dim=-1)
    steps = []
    for t in range(len(tokens)):
        truth = [vocabulary.index(token) for token in tokens[t + 1 : t + 2]]
        steps.append(
            [
                [
                    round(lengths[part, t].item(), 2),
                    round(added[part, t].item(), 2),
                    [
                        [vocabulary[i], round(percents[part, t, i].item())]
                        for i in top.indices[part, t].tolist()
                    ],
                    *[round(percents[part, t, i].item()) for i in truth],
                ]
                for part in range(len(vectors))
            ]
        )
    return steps


def softmax_explorer(names: Sequence[str], scores: Sequence[float]) -> HTML:
    """Move the temperature and watch scores turn into shares, with no kernel."""
    return _fill(
        "softmax",
        LABEL="Softmax by temperature",
        NAMES=_json(list(names)),
        SCORES=_json(list(scores)),
    )


def next_token_explorer(
    vocabulary: Sequence[str],
    texts: Sequence[str],
    scores: Sequence[Float[Tensor, " vocab"]],
) -> HTML:
    """Move temperature and top-p and watch what may come next, with no kernel.

    `scores` holds a model's scores for the token after each text, rounded here to two
    decimals. Raises ValueError when texts, scores and vocabulary do not fit.
    """
    for one in scores:
        if len(one) != len(vocabulary):
            raise ValueError(f"{len(vocabulary)} tokens do not fit {len(one)} scores")
    pairs = zip(texts, scores, strict=True)
    data = [[round(score, 2) for score in one.tolist()] for _, one in pairs]
    return _fill(
        "next",
        LABEL="The next token by text, temperature and top-p",
        TEXTS=_options(visible(text) for text in texts),
        NAMES=_json([visible(token) for token in vocabulary]),
        DATA=_json(data),
    )


def token_explorer(tokenizer: BytePairTokenizer, texts: Sequence[str]) -> HTML:
    """See the tokens of prepared texts, or of a text typed in, with no kernel.

    The merges travel with the page, which encodes as `tokenizer.encode` does. A slider
    says how many of them are used, from none (bytes) to all. Special tokens are not
    known there.
    """
    word = WORD.replace(r"\s", r"\p{White_Space}").replace(r"\S", r"\P{White_Space}")
    return _fill(
        "tokens",
        LABEL="Tokens by text and number of merges",
        OPTIONS=_options(visible(text) for text in texts),
        MANY=str(len(tokenizer.merges)),
        BYTES=str(BYTES),
        WORD=_json(word),
        TEXTS=_json(list(texts)),
        MERGES=_json(tokenizer.merges),
    )


def word_explorer(
    words: Sequence[str],
    places: Float[Tensor, "batch 2"],
    alike: Float[Tensor, "query key"],
    many: int = 8,
    chosen: str | None = None,
) -> HTML:
    """A map of words: point at one, or choose it, and see those most like it.

    `alike` has a row and a column for each word; the `many` most like it are kept, in
    whole percents. `chosen` is the word to begin with, if not the first.
    Raises ValueError when words, places and likeness do not fit.
    """
    if not tuple(alike.shape) == (len(places),) * 2 == (len(words),) * 2:
        raise ValueError(
            f"{len(words)} words do not fit places of shape {tuple(places.shape)} "
            f"and likeness of shape {tuple(alike.shape)}"
        )
    best = alike.clone().fill_diagonal_(-torch.inf).topk(min(many, len(words) - 1))
    percents = (100 * best.values).round().int().tolist()
    spots = ((places - places.amin(0)) / (places.amax(0) - places.amin(0))).tolist()
    data = [
        {"word": word, "at": [round(x, 3), round(y, 3)], "near": near, "percent": share}
        for word, (x, y), near, share in zip(
            words, spots, best.indices.tolist(), percents, strict=True
        )
    ]
    return _fill(
        "words",
        LABEL="A map of words and the words most like each",
        WORDS=_options(words),
        FIRST=str(list(words).index(chosen) if chosen else 0),
        MANY=str(best.indices.size(1)),
        DATA=_json(data),
    )


def _fill(name: str, **values: str) -> HTML:
    """The page of an explorer, with its data in place."""
    page = (resources.files("lib.widgets") / "pages" / f"{name}.html").read_text(
        encoding="utf-8"
    )
    for key, value in {"ID": f"gpt-explorer-{next(_numbers)}", **values}.items():
        page = page.replace(f"__{key}__", value)
    return HTML(page)


def _options(names) -> str:
    return "".join(
        f"<option value={i}>{html.escape(str(n))}</option>" for i, n in enumerate(names)
    )


def _json(data) -> str:
    """JSON that may stand inside a script element: no text in it can end it."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace(
        "</", "<\\/"
    )


def _lower_triangles(weights: Float[Tensor, "layer head query key"]) -> list:
    """Whole percents; row t keeps t + 1 columns, the rest of a causal row being 0."""
    percents = (weights * 100).round().int().tolist()
    return [
        [[row[: t + 1] for t, row in enumerate(h)] for h in layer] for layer in percents
    ]
