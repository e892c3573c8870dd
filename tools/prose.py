"""The text of a page that may link, without what is code or a link already."""

from itertools import groupby

from docutils import nodes

UNREAD = (nodes.FixedTextElement, nodes.math, nodes.math_block)  # code, HTML, formulas
UNLINKED = (
    *UNREAD,
    nodes.reference,
    nodes.title,
    nodes.strong,
    nodes.literal,
    nodes.citation,
)


def readable(document: nodes.document) -> list[nodes.Text]:
    """All the text of a page, without its code and its outputs."""
    return [t for t in document.findall(nodes.Text) if not isinstance(t.parent, UNREAD)]


def prose(document: nodes.document) -> list[nodes.Text]:
    """What of it stands in nothing that holds no link."""
    return [text for text in document.findall(nodes.Text) if not closed(text)]


def closed(text: nodes.Text) -> bool:
    """Whether a text stands in something that holds no link."""
    above = text.parent
    while above is not None and not isinstance(above, UNLINKED):
        above = above.parent
    return above is not None


def join_lines(document: nodes.document) -> None:
    """A paragraph of several lines is read as several texts: make them one."""
    for parent in {id(text.parent): text.parent for text in prose(document)}.values():
        parts = parent.children
        parent.children = []
        for is_text, run in groupby(parts, lambda part: isinstance(part, nodes.Text)):
            several = list(run)
            whole = "".join(map(str, several))
            parent += [nodes.Text(whole)] if is_text else several
