"""A local Sphinx extension: words that name something become links to it.

Chapters and docstrings name things in plain words, which read well anywhere:
"figure 3.3", "equation 3.1", "Vaswani et al. 2017", a **term** of the glossary. On the
site each such word is a link, a term once on each page. What the words may be is in
tools/numbered.py and tools/bibliography.py.
"""

from collections.abc import Iterator
from typing import NamedTuple

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

from tools import bibliography, numbered
from tools.prose import join_lines, prose


class Mention(NamedTuple):
    """A part of a text, and the place that it names."""

    start: int
    end: int
    page: str
    anchor: str


def mentions(env: BuildEnvironment, text: str) -> Iterator[Mention]:
    """What a text names: figures, equations, papers."""
    places = numbered.places(env)
    papers = bibliography.noted(env).papers
    for start, end, anchor in numbered.mentions(text):
        if anchor in places:
            yield Mention(start, end, places[anchor], anchor)
    for start, end, paper in bibliography.mentions(text, papers):
        yield Mention(start, end, paper.page, paper.anchor)


def join(app: Sphinx, document: nodes.document) -> None:
    """Whole paragraphs first, so that a name may be broken over two lines."""
    join_lines(document)


def link(app: Sphinx, document: nodes.document, page: str) -> None:
    """Put the links in."""
    link_terms(app, document, page)
    for text in prose(document):
        parts = []
        end = 0
        for mention in sorted(mentions(app.env, text)):
            child = nodes.Text(text[mention.start : mention.end])
            to = make_refnode(app.builder, page, mention.page, mention.anchor, child)
            parts += [nodes.Text(text[end : mention.start]), to]
            end = mention.end
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[end:])])


def terms(env: BuildEnvironment) -> dict[str, tuple[str, str]]:
    """Every term of the glossary, in lower case, with its page and anchor."""
    objects = env.get_domain("std").get_objects()
    return {
        name.lower(): (page, anchor)
        for name, _, kind, page, anchor, _ in objects
        if kind == "term"
    }


def meant(word: str, known: dict[str, tuple[str, str]]) -> str:
    """The term that a bold word is, in the singular or plural; or an empty string."""
    word = " ".join(word.lower().split()).rstrip(".,:;")
    endings = [("", ""), ("s", ""), ("es", ""), ("ies", "y")]
    for ending, other in endings:
        term = word.removesuffix(ending) + other
        if word.endswith(ending) and term in known:
            return term
    return ""


def link_terms(app: Sphinx, document: nodes.document, page: str) -> None:
    """Link the first of each term in bold."""
    known = terms(app.env)
    seen = set()
    for bold in list(document.findall(nodes.strong)):
        term = meant(bold.astext(), known)
        if term and term not in seen and known[term][0] != page:
            seen.add(term)
            to = make_refnode(app.builder, page, *known[term], bold.deepcopy())
            to["classes"].append("term")
            bold.replace_self(to)


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("doctree-read", join)
    numbered.setup(app)
    bibliography.setup(app)
    app.connect("doctree-resolved", link, priority=600)  # docstrings as well
    return {"parallel_read_safe": True, "parallel_write_safe": True}
