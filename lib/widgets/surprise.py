"""Surprise made visible: a text whose tokens are shaded by what they cost a model.

The dearer a token, the deeper its color and, from half of the dearest on, a line under
it. The dearest are listed below with their numbers, for readers who do not see color.
There is no script, so it reads the same on the site and in any notebook.
"""

import html
import math
from collections.abc import Sequence

from IPython.display import HTML
from jaxtyping import Float
from torch import Tensor

from lib.plots.labels import visible

COLOR = "var(--pst-color-primary, #176de8)"
DEEPEST = 55  # percent of the color behind the dearest token; text stays legible on it
UNDERLINED = 0.5  # the share of the dearest's surprise from which a token has a line


def shaded_tokens(
    tokens: Sequence[str],
    surprises: Float[Tensor, " time"],
    named: int = 4,
    unit: str = "nats",
) -> HTML:
    """The tokens of a text side by side, shaded by their surprises.

    `named` of the dearest are listed below, each with what stands before it, so that
    it can be found. Line breaks are shown and made. Raises ValueError when there is no
    token, not one surprise of 0 or more for each, or `named` is negative.
    """
    values = surprises.tolist()
    if len(tokens) != len(values) or not values:
        raise ValueError(f"{len(tokens)} tokens do not fit {len(values)} surprises")
    if not all(math.isfinite(value) and value >= 0 for value in values):
        raise ValueError("surprises must be finite and 0 or more")
    if named < 0:
        raise ValueError(f"named must be at least 0, got {named}")
    top = max(values) or 1.0
    pairs = zip(tokens, values, strict=True)
    text = "".join(_token(token, value / top) for token, value in pairs)
    order = sorted(range(len(values)), key=lambda place: -values[place])[:named]
    listed = "; ".join(_named(tokens, place, values[place]) for place in order)
    return HTML(
        '<div class="shaded-tokens" role="group" style="max-width:38rem" '
        'aria-label="A text, its tokens shaded by their surprise">'
        '<p style="margin:0 0 .4rem;font-family:monospace;font-size:1.05rem;'
        f'line-height:1.9;overflow-wrap:anywhere">{text}</p>'
        '<p style="margin:0;font-size:.92rem">'
        f"The most surprising, in {html.escape(unit)}: {listed or 'none named'}.</p>"
        "</div>"
    )


def _token(token: str, share: float) -> str:
    """A token on its color; `share` is its part of the largest surprise, 0 to 1."""
    depth = round(DEEPEST * share)
    shown = html.escape(visible(token)) if token == "\n" else html.escape(token)
    line = f";border-bottom:2px solid {COLOR}" if share >= UNDERLINED else ""
    end = "<br>" if token == "\n" else ""
    return (
        '<span style="white-space:pre-wrap;'
        f'background:color-mix(in srgb,{COLOR} {depth}%,transparent){line}">'
        f"{shown}</span>{end}"
    )


def _named(tokens: Sequence[str], place: int, value: float) -> str:
    """A token in bold after the few before it, and its surprise."""
    before = "".join(tokens[max(0, place - 6) : place])
    return (
        f"{html.escape(visible(before))}<b>{html.escape(visible(tokens[place]))}</b> "
        f"{value:.1f}"
    )
