"""A local Sphinx extension: terms in bold link to the glossary, once on each page."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode


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
    """Link the first of each."""
    known, seen = terms(app.env), set()
    for bold in list(document.findall(nodes.strong)):
        term = meant(bold.astext(), known)
        if term and term not in seen and known[term][0] != page:
            seen.add(term)
            other, anchor = known[term]
            link = make_refnode(app.builder, page, other, anchor, bold.deepcopy())
            link["classes"].append("term")
            bold.replace_self(link)


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("doctree-resolved", link_terms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
