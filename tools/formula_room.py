"""A local Sphinx extension: a formula has its room before MathJax sets it.

Until then a page holds the formula's TeX, which is longer and lower than the formula,
so the lines around it would move when it is set. Matplotlib can set it too, in the face
that MathJax uses. What it measures becomes the room that assets/book.css keeps.
"""

import functools
import html
import re
from pathlib import Path

from matplotlib import rc_context
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser
from sphinx.application import Sphinx

# Sphinx writes `<span class="math ...">\(x\)</span>`, before an equation its number.
FORMULA = re.compile(
    r'<(?P<tag>span|div) (?P<rest>class="math\b[^>]*)>(?P<number>\s*(?:<span '
    r'class="eqno">.*?</span>)?\s*)(?P<open>\\[\[(])(?P<tex>.*?)(?=\\[\])])',
    re.DOTALL,
)
ENVIRONMENT = re.compile(r"\\(?:begin|end)\{\w+\}|&")
# What Matplotlib calls something else.
OTHERWISE = {r"\bmod": r"\;\mathrm{mod}\;", r"\dots": r"\ldots"}
X_HEIGHT = 0.430554  # of Computer Modern, in parts of its size


@functools.cache
def line_room(tex: str) -> tuple[float, float, float] | None:
    """Width, height and depth of one line in ex; None where TeX is not understood."""
    for word, other in OTHERWISE.items():
        tex = re.sub(re.escape(word) + r"(?![a-z])", lambda _: other, tex)  # noqa: B023
    tex = re.sub(r"\\sqrt\s+(\w)", r"\\sqrt{\1}", tex)
    with rc_context({"mathtext.fontset": "cm"}):
        try:
            box = MathTextParser("path").parse(f"${tex}$", 72, FontProperties(size=100))
        except ValueError:
            return None
    return tuple(float(x) / (100 * X_HEIGHT) for x in box[:3])


def room(tex: str) -> tuple[float, float, float] | None:
    """Of all lines of a formula: the widest's width, and their heights together."""
    lines = [ENVIRONMENT.sub("", line).strip() for line in tex.split(r"\\")]
    rooms = [line_room(line) for line in lines if line]
    if not rooms or None in rooms:
        return None
    widths, heights, depths = zip(*rooms, strict=True)
    between = 1.5 * (len(rooms) - 1)
    return max(widths), sum(heights) + sum(depths[:-1]) + between, depths[-1]


def with_room(formula: re.Match) -> str:
    """The same formula, with the room that it needs."""
    found = room(html.unescape(formula["tex"]))
    if found is None:
        return formula[0]
    wide, high, deep = found
    said = f"--wide: {wide:.1f}ex; --high: {high:.1f}ex; --deep: {deep:.1f}ex"
    start = f'<{formula["tag"]} {formula["rest"]} style="{said}">'
    return start + formula["number"] + formula["open"] + formula["tex"]


def make_room(app: Sphinx, error: Exception | None) -> None:
    """After pages are written: on each, the room of every formula."""
    if error or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        before = path.read_text(encoding="utf-8")
        after = FORMULA.sub(with_room, before)
        if after != before:
            path.write_text(after, encoding="utf-8")


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("build-finished", make_room)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
