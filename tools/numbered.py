r"""A local Sphinx extension: numbers of figures and equations become links.

In the notebooks numbers are plain text, which reads the same anywhere:

- a caption stands under its picture and begins with `**Figure 2.3.**`,
- an equation has `\tag{2.1}` between its dollar signs,
- prose says "figure 2.3", "figures 2.3 and 2.4" or "equation 2.1".

On the site each number is an anchor (`figure-2-3`, `equation-2-1`) and each mention
links to it, from whatever page. A number that is named and does not exist is a warning.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.nodes import make_refnode

logger = logging.getLogger(__name__)

CAPTION = re.compile(r"Figure (\d+\.\d+)\.")
TAG = re.compile(r"\\tag\{(\d+\.\d+)\}")
NUMBER = re.compile(r"\d+\.\d+")
MENTION = re.compile(
    r"\b(figure|equation)s?\s+\d+\.\d+(?:(?:,|,?\s+and|\s+or|\s+to)\s+\d+\.\d+)*",
    re.IGNORECASE,
)
UNLINKED = (nodes.reference, nodes.title, nodes.strong, nodes.literal, nodes.math)
UNREAD = nodes.FixedTextElement  # code, HTML, displayed formulas


def anchor(kind: str, number: str) -> str:
    """`figure-2-3`."""
    return f"{kind.lower()}-{number.replace('.', '-')}"


def said(name: str) -> str:
    """`figure 2.3`, the words for an anchor."""
    return "{} {}.{}".format(*name.split("-"))


def mentions(text: str) -> Iterator[tuple[int, int, str]]:
    """Each number that a text names: start, end, anchor; a first one with its word."""
    for named in MENTION.finditer(text):
        for i, number in enumerate(NUMBER.finditer(text, *named.span())):
            start = number.start() if i else named.start()
            yield start, number.end(), anchor(named[1], number[0])


def caption_of(paragraph: nodes.paragraph) -> str:
    """The anchor of a caption; of any other paragraph an empty string."""
    first = next((part for part in paragraph.children if part.astext()), None)
    label = first.astext() if isinstance(first, nodes.strong) else ""
    found = CAPTION.fullmatch(label)
    return anchor("figure", found[1]) if found else ""


def pictured(cell: nodes.Node | None) -> bool:
    """Whether a notebook's cell shows an image, a diagram or an explorer."""
    if not isinstance(cell, nodes.container) or "cell" not in cell["classes"]:
        return False
    return any(
        isinstance(part, nodes.image) or "html" in part.get("format", "").split()
        for part in cell.findall(nodes.Element)
    )


def picture_above(caption: nodes.paragraph) -> nodes.Element:
    """What a caption is about: the first output of the pictures right above it."""
    about, cell = caption, caption.previous_sibling()
    while pictured(cell):
        outputs = (p for p in cell.children if "cell_output" in p["classes"])
        about, cell = next(outputs, cell), cell.previous_sibling()
    return about


def prose(document: nodes.document) -> list[nodes.Text]:
    """The text of a page that may link, without what is a link or code already."""
    return [text for text in document.findall(nodes.Text) if not closed(text)]


def closed(text: nodes.Text) -> bool:
    """Whether a text stands in something that holds no link."""
    above = text.parent
    while above is not None and not isinstance(above, (*UNLINKED, UNREAD)):
        above = above.parent
    return above is not None


def join_lines(document: nodes.document) -> None:
    """A paragraph of several lines is read as several texts: make them one."""
    for parent in {id(text.parent): text.parent for text in prose(document)}.values():
        parts, parent.children = parent.children, []
        for is_text, run in groupby(parts, lambda part: isinstance(part, nodes.Text)):
            several = list(run)
            parent += [nodes.Text("".join(several))] if is_text else several


def read_numbers(app: Sphinx, document: nodes.document) -> None:
    """Give a page its anchors; note which it has, and which numbers it names."""
    here = []
    join_lines(document)
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
    numbers(app.env)[app.env.docname] = here, named


def delimit(app: Sphinx, formula: nodes.math_block) -> None:
    """Have a formula written as it is.

    Sphinx puts one of several lines into `split`, in which MathJax allows no tag.
    """
    start, end = app.config.mathjax_display
    formula.children = [nodes.Text(f"{start}{formula.astext().strip()}{end}")]
    formula["nowrap"] = True


def numbers(env: BuildEnvironment) -> dict[str, tuple[list[str], set[str]]]:
    """For each page the anchors that it has, and those that it names."""
    if not hasattr(env, "numbers"):
        env.numbers = {}
    return env.numbers


def places(env: BuildEnvironment) -> dict[str, str]:
    """The page on which each anchor is."""
    return {name: page for page, (here, _) in numbers(env).items() for name in here}


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    """A page is gone, or is about to be read again."""
    numbers(env).pop(page, None)


def merge(
    app: Sphinx, env: BuildEnvironment, pages: list[str], other: BuildEnvironment
) -> None:
    """Take over what another process has read."""
    numbers(env).update({page: numbers(other)[page] for page in pages})


def to_write_again(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Pages that name a number which has come, gone or moved since the last build."""
    before, now = getattr(env, "numbers_placed", {}), places(env)
    env.numbers_placed = now
    moved = {name for name in {*before, *now} if before.get(name) != now.get(name)}
    return [page for page, (_, named) in numbers(env).items() if moved & named]


def warn(app: Sphinx, env: BuildEnvironment) -> None:
    """Numbers that are named and that nothing has; numbers that two things have."""
    all_here = [name for here, _ in numbers(env).values() for name in here]
    for page, (here, named) in sorted(numbers(env).items()):
        for name in sorted(named.difference(all_here)):
            logger.warning("%s is named, and there is none", said(name), location=page)
        for name in sorted({name for name in here if all_here.count(name) > 1}):
            logger.warning("there are two of %s", said(name), location=page)


def link_mentions(app: Sphinx, document: nodes.document, page: str) -> None:
    """Words that name a figure or an equation become links."""
    known = places(app.env)
    for text in prose(document):
        parts, end = [], 0
        for start, stop, name in mentions(text):
            if name not in known:
                continue
            child = nodes.Text(text[start:stop])
            link = make_refnode(app.builder, page, known[name], name, child)
            parts += [nodes.Text(text[end:start]), link]
            end = stop
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("doctree-read", read_numbers)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("env-updated", to_write_again)
    app.connect("env-check-consistency", warn)
    app.connect("doctree-resolved", link_mentions, priority=600)  # docstrings as well
    return {"parallel_read_safe": True, "parallel_write_safe": True}
