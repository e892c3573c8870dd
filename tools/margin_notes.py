"""A local Sphinx extension: asides go to the margin.

In a notebook an aside is a quote that begins with a bold word, so that it reads well in
Colab: `> **Aside.** Two or three sentences.` Here it becomes a note that stands beside
what it follows: in the margin of a wide screen, in a box below on a narrow one and on
paper (assets/book.css says how).
"""

from typing import cast

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

WORD = "Aside."


class margin_note(nodes.General, nodes.Element):
    """An aside. Its class is the theme's, whose contents list makes room for it."""


def begins_an_aside(quote: nodes.block_quote) -> bool:
    """Whether its first words are the bold one."""
    bold = next(iter(quote.findall(nodes.strong)), None)
    at_start = quote.astext().startswith(WORD)
    return bold is not None and bold.astext() == WORD and at_start


def to_the_margin(app: Sphinx, document: nodes.document) -> None:
    """Bind each aside to what stands before it, so that they start at one height."""
    for quote in list(document.findall(nodes.block_quote)):
        if begins_an_aside(quote):
            above = quote.parent
            before = cast(nodes.Element, above[above.index(quote) - 1])  # never a text
            above.remove(quote)
            both = nodes.container(classes=["noted"])
            before.replace_self(both)
            both += [before, margin_note("", *quote.children)]


def visit(html: HTML5Translator, note: margin_note) -> None:
    """A note by its role: the element alone would be a landmark of the page."""
    html.body.append(html.starttag(note, "aside", CLASS="margin", role="note"))


def depart(html: HTML5Translator, note: margin_note) -> None:
    """Its end."""
    html.body.append("</aside>\n")


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_node(margin_note, html=(visit, depart))
    app.connect("doctree-read", to_the_margin)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
