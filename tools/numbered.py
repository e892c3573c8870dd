r"""Numbered figures and equations: their anchors, and which words name one.

In the notebooks numbers are plain text, which reads the same anywhere:

- a caption stands under its picture and begins with `**Figure 3.3.**`,
- an equation has `\tag{3.1}` between its dollar signs,
- prose says "figure 3.3", "figures 3.3 and 3.4" or "equation 3.1".

On the site each number is an anchor (`figure-3-3`, `equation-3-1`) and each mention
links to it, from whatever page. A number that is named and does not exist is a warning.
"""

import re
from collections.abc import Iterator
from typing import TypeGuard

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from tools.prose import prose

logger = logging.getLogger(__name__)

NUMBER = r"(?:\d+|A)\.\d+"  # of a chapter, or of the appendix
CAPTION = re.compile(rf"Figure ({NUMBER})\.")
TAG = re.compile(rf"\\tag\{{({NUMBER})\}}")
ONE = re.compile(NUMBER)
MENTION = re.compile(
    rf"\b(figure|equation)s?\s+{NUMBER}(?:(?:,|,?\s+and|\s+or|\s+to)\s+{NUMBER})*",
    re.IGNORECASE,
)


def anchor(kind: str, number: str) -> str:
    """`figure-3-3`."""
    return f"{kind.lower()}-{number.replace('.', '-')}"


def said(name: str) -> str:
    """`figure 3.3`, the words for an anchor."""
    return "{} {}.{}".format(*name.split("-"))


def mentions(text: str) -> Iterator[tuple[int, int, str]]:
    """Each number that a text names: start, end, anchor; a first one with its word."""
    for named in MENTION.finditer(text):
        for i, number in enumerate(ONE.finditer(text, *named.span())):
            start = number.start() if i else named.start()
            yield start, number.end(), anchor(named[1], number[0])


def caption_of(paragraph: nodes.paragraph) -> str:
    """The anchor of a caption; of any other paragraph an empty string."""
    first = next((part for part in paragraph.children if part.astext()), None)
    label = first.astext() if isinstance(first, nodes.strong) else ""
    found = CAPTION.fullmatch(label)
    return anchor("figure", found[1]) if found else ""


def pictured(cell: nodes.Node | None) -> TypeGuard[nodes.container]:
    """Whether a notebook's cell shows an image, a diagram or an explorer."""
    if not isinstance(cell, nodes.container) or "cell" not in cell["classes"]:
        return False
    return any(
        isinstance(part, nodes.image) or "html" in part.get("format", "").split()
        for part in cell.findall(nodes.Element)
    )


def picture_above(caption: nodes.paragraph) -> nodes.Element:
    """What a caption is about: the first output of the pictures right above it."""
    about: nodes.Element = caption
    cell = caption.previous_sibling()
    while pictured(cell):
        parts = [part for part in cell.children if isinstance(part, nodes.Element)]
        about = next((p for p in parts if "cell_output" in p["classes"]), cell)
        cell = cell.previous_sibling()
    return about


def read_numbers(app: Sphinx, document: nodes.document) -> None:
    """Give a page its anchors; note which it has, and which numbers it names."""
    here = []
    for caption in document.findall(nodes.paragraph):
        if name := caption_of(caption):
            caption["classes"].append("caption-of-figure")
            picture_above(caption)["ids"].append(name)
            here.append(name)
    for formula in document.findall(nodes.math_block):
        if names := [anchor("equation", n) for n in TAG.findall(formula.astext())]:
            formula["ids"] += names
            here += names
            delimit(app, formula)
    named = {name for text in prose(document) for *_, name in mentions(text)}
    app.env.metadata[app.env.docname]["numbers"] = here, named


def delimit(app: Sphinx, formula: nodes.math_block) -> None:
    """Have a formula written as it is.

    Sphinx puts one of several lines into `split`, in which MathJax allows no tag.
    """
    start, end = app.config.mathjax_display
    formula.children = [nodes.Text(f"{start}{formula.astext().strip()}{end}")]
    formula["nowrap"] = True


def numbers(env: BuildEnvironment) -> dict[str, tuple[list[str], set[str]]]:
    """For each page the anchors that it has, and those that it names."""
    data = sorted(env.metadata.items())
    return {page: about["numbers"] for page, about in data if "numbers" in about}


def places(env: BuildEnvironment) -> dict[str, str]:
    """The page on which each anchor is."""
    return {name: page for page, (here, _) in numbers(env).items() for name in here}


def warn(app: Sphinx, env: BuildEnvironment) -> None:
    """Numbers that are named and that nothing has; numbers that two things have."""
    all_here = [name for here, _ in numbers(env).values() for name in here]
    for page, (here, named) in numbers(env).items():
        for name in sorted(named.difference(all_here)):
            logger.warning("%s is named, and there is none", said(name), location=page)
        for name in sorted({name for name in here if all_here.count(name) > 1}):
            logger.warning("there are two of %s", said(name), location=page)


def setup(app: Sphinx) -> None:
    """Called by tools/mentions.py."""
    app.connect("doctree-read", read_numbers)
    app.connect("env-check-consistency", warn)
