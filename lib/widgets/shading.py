"""Shading: a text whose words are colored by how much each of them spoke for a class.

Words for it have the accent and a solid underline, words against it orange and a dotted
one; the stronger the word, the deeper its color. The strongest are listed below with
their numbers, for readers who do not see color. There is no script, so it reads the
same on the site and in any notebook.
"""

import html
import math
from collections.abc import Sequence
from itertools import groupby

from IPython.display import HTML
from jaxtyping import Float
from torch import Tensor

FOR = "var(--pst-color-primary, #176de8)"
AGAINST = "#e69f00"
DEEPEST = 38  # percent of the color under the strongest word; text stays legible on it
UNDERLINED = 10  # percent of the strongest word's number from which a word has a line
AROUND = 6  # words shown on each side of a strong one


def shaded(
    words: Sequence[str],
    attributions: Float[Tensor, " time"],
    toward: str = "positive",
    longest: int = 100,
    named: int = 3,
) -> HTML:
    """The words of a text, shaded by their attributions; see `lib.inside.attribution`.

    `toward` is the name of the class that they speak for or against. Of a text of more
    than `longest` words only the surroundings of the strongest are shown, with an
    ellipsis where words are left out. `named` of each kind are listed below the text.
    Raises ValueError when there is no word, not one finite number for each, no room for
    one, or `named` is negative.
    """
    values = attributions.tolist()
    if len(words) != len(values) or not values:
        raise ValueError(f"{len(words)} words do not fit {len(values)} attributions")
    if not all(map(math.isfinite, values)):
        raise ValueError("attributions must be finite, got NaN or infinite ones")
    if named < 0:
        raise ValueError(f"named must be at least 0, got {named}")
    top = max(map(abs, values)) or 1.0
    parts = [
        " ".join(_word(words[i], values[i] / top) for i in part)
        for part in strongest_parts(values, longest)
    ]
    text = _with_ellipses(parts, strongest_parts(values, longest), len(values))
    label = html.escape(f"A text, its words shaded by how much they say {toward}")
    return HTML(
        f'<div class="shaded-words" role="group" aria-label="{label}" '
        'style="max-width:34rem;line-height:1.8">'
        f'<p style="margin:0 0 .4rem">{text}</p>'
        f"{_legend(words, values, toward, named)}</div>"
    )


def strongest_parts(values: Sequence[float], longest: int) -> list[range]:
    """The stretches of a text around its strongest words, `longest` words in all.

    A text that is not longer is one stretch. Raises ValueError unless `longest` is
    above 0.
    """
    if longest < 1:
        raise ValueError(f"longest must be above 0, got {longest}")
    if len(values) <= longest:
        return [range(len(values))]
    around = min(AROUND, (longest - 1) // 2)
    kept: set[int] = set()
    for place in sorted(range(len(values)), key=lambda i: -abs(values[i])):
        near = range(max(0, place - around), min(len(values), place + around + 1))
        if len(kept | set(near)) > longest:
            break
        kept |= set(near)
    runs = groupby(enumerate(sorted(kept)), lambda pair: pair[1] - pair[0])
    found = [[place for _, place in run] for _, run in runs]
    return [range(run[0], run[-1] + 1) for run in found]


def _with_ellipses(parts: list[str], places: list[range], time: int) -> str:
    text = " … ".join(parts)
    before = "… " if places[0].start > 0 else ""
    return before + text + (" …" if places[-1].stop < time else "")


def _word(word: str, strength: float) -> str:
    """A word on its color; `strength` lies between -1 and 1."""
    percent = round(100 * abs(strength))
    shown = html.escape(word)
    if not percent:
        return shown
    color, line = (FOR, "solid") if strength > 0 else (AGAINST, "dotted")
    depth = round(DEEPEST * abs(strength))
    under = f";border-bottom:2px {line} {color}" if percent >= UNDERLINED else ""
    return (
        '<span style="padding:.1rem .15rem;border-radius:.2rem;'
        f'background:color-mix(in srgb,{color} {depth}%,transparent){under}">'
        f"{shown}</span>"
    )


def _legend(
    words: Sequence[str], values: Sequence[float], toward: str, named: int
) -> str:
    """What the lines mean, and the words with the largest numbers, with their signs."""
    order = sorted(range(len(values)), key=lambda i: -abs(values[i]))
    lines = []
    for kind, sign, line, color in (
        ("for", 1, "solid", FOR),
        ("against", -1, "dotted", AGAINST),
    ):
        most = [i for i in order if sign * values[i] > 0][:named]
        listed = ", ".join(f"{html.escape(words[i])} {values[i]:+.2f}" for i in most)
        key = f'<span style="border-bottom:2px {line} {color}">{kind}</span>'
        lines.append(f"{key} {html.escape(toward)}: {listed or 'no word'}")
    return f'<p style="margin:0;font-size:.92rem">{"; ".join(lines)}.</p>'
