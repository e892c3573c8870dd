"""A text that a GPT of the hub writes: stored, and anew in the page of the site.

What stands in a notebook is one continuation, its tokens shaded by how unlikely the
model found them. On the site a reader can wake the model: assets/writer.js then writes
from the reader's prompt while settings are moved.
"""

import codecs
import html
import math
from collections.abc import Sequence
from pathlib import Path

import torch
from IPython.display import HTML

from lib.generate.loop import stream
from lib.generate.sampling import Sampling
from lib.hub import pretrained
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.widgets.template import fill
from lib.widgets.wake import Words, page, wakeable

COLOR = "var(--pst-color-primary, #176de8)"
DEEPEST = 55  # percent of the color behind a token of LEAST; text stays legible on it
LEAST = 0.001  # assets/writer.js has the same
WORDS = Words(
    label="A text that the model writes, its tokens shaded by their probability",
    what="text",
    does="writes another",
    then="it writes another here, from your own prompt",
)


def generation_explorer(
    name: str,
    prompt: str,
    max_new_tokens: int = 60,
    strategy: Sampling = Sampling(),  # noqa: B008  (it is frozen)
    *,
    seed: int = 0,
    folder: str | Path = pretrained.FOLDER,
) -> HTML:
    """What a GPT of the hub writes after a prompt; on the site a reader writes on.

    The deeper a token's color, the less likely the model found it. A text ends at the
    first special token that comes. Raises ValueError for an unknown name, and for what
    `lib.generate.loop.stream` refuses: an empty prompt among others.
    """
    model, tokenizer, _ = pretrained.load_gpt(name, folder)
    start = torch.tensor(tokenizer.encode(prompt), dtype=torch.long)
    special = getattr(tokenizer, "special", {})
    options = {"stop": list(special.values()), "seed": seed}
    new = list(stream(model, start, max_new_tokens, strategy, **options))
    ids = [*start.tolist(), *new]
    with torch.inference_mode():
        logits = model(torch.tensor([ids]))[0, len(start) - 1 : -1]  # new vocab
    shares = logits.softmax(-1)
    likeliest = (shares.argmax(-1) == torch.tensor(new)).sum().item()
    found = shares[torch.arange(len(new)), new].tolist()
    pieces = added(tokenizer, ids)
    written = pieces[len(start) :]
    tokens = "".join(html.escape(piece) for piece in pieces[: len(start)])
    values = {
        "TOKENS": tokens + "".join(map(_token, written, found)),
        "SAYS": _said(written, found, likeliest),
    }
    body = fill(page("writer"), values)
    return wakeable("writer", name, WORDS, body, prompt, folder)


def added(
    tokenizer: BytePairTokenizer | CharacterTokenizer, ids: Sequence[int]
) -> list[str]:
    """The text that each id adds: nothing where a character goes on in the next."""
    if isinstance(tokenizer, CharacterTokenizer):
        return [tokenizer.decode([number]) for number in ids]
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return [decoder.decode(tokenizer.tokens[number]) for number in ids]


def depth(share: float) -> int:
    """Percent of the color behind a token: more, the less likely it was."""
    return round(DEEPEST * min(1.0, math.log(max(share, LEAST)) / math.log(LEAST)))


def _token(piece: str, share: float) -> str:
    color = f"color-mix(in srgb,{COLOR} {depth(share)}%,transparent)"
    return f'<span style="background:{color}">{html.escape(piece)}</span>'


def _said(pieces: Sequence[str], shares: Sequence[float], likeliest: int) -> str:
    """What the colors show, in words."""
    least = min(range(len(shares)), key=shares.__getitem__)
    return (
        f"{len(pieces)} tokens; {likeliest} of them were the likeliest that could "
        f"come. The least likely is “{html.escape(pieces[least])}” "
        f"({_percent(shares[least])}). The deeper the color, the less likely."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\u00a0%" if share >= 0.01 else "under 1\u00a0%"
