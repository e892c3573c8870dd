"""A local Sphinx extension: papers named in words are links to the page of references.

Chapters and docstrings say "Vaswani et al. 2017" or "Geva and others (2021)", which
reads well anywhere. On the site such words link to the entry in `references.bib`, and
each entry says which pages name it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from docutils import nodes
from pybtex import plugin
from pybtex.database import Entry, Person
from pybtex.richtext import Text
from pybtex.style.formatting.plain import Style as Plain
from pybtex.style.formatting.unsrt import field, href, sentence, tag, toplevel
from pybtex.style.labels import BaseLabelStyle
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

VENUES = ("journal", "booktitle", "howpublished")


def plain(latex: str) -> str:
    """Text without the marks of LaTeX."""
    return str(Text.from_latex(latex))


def last_name(person: Person) -> str:
    """The name that a citation uses."""
    return plain(" ".join(person.prelast_names + person.last_names))


def short_names(entry: Entry) -> list[str]:
    """Last names, with "others" at the end where the list is cut."""
    return [last_name(person) for person in entry.persons["author"]]


def label(entry: Entry) -> str:
    """How the book names a paper: Gage 1994, Pang & Lee 2005, Devlin et al. 2019."""
    names = short_names(entry)
    many = len(names) > 2 or names[-1] == "others"
    who = f"{names[0]} et al." if many else " & ".join(names)
    return " ".join(filter(None, [who, entry.fields.get("year")]))


class Labels(BaseLabelStyle):
    """Entries are labeled as the book names them."""

    def format_labels(self, sorted_entries: list[Entry]) -> Iterator[str]:
        """One label for each entry; those that share one add what they are called."""
        labels = [label(entry) for entry in sorted_entries]
        for entry, name in zip(sorted_entries, labels, strict=True):
            short = plain(entry.fields["title"]).split(":")[0]
            yield name if labels.count(name) == 1 else f"{name}, {short}"


class Style(Plain):
    """Names, title, where it appeared, year; the title is the link."""

    default_label_style = Labels

    def template(self, entry: Entry):
        """The same for every type of entry."""
        title = field("title", raw=False)
        if "url" in entry.fields:
            title = href[field("url", raw=True), title]
        where = [tag("em")[field(name)] for name in VENUES if name in entry.fields]
        if not where and "arxiv.org" in entry.fields.get("url", ""):
            where = ["arXiv"]
        year = [field("year")] if "year" in entry.fields else []
        return toplevel[
            sentence[all_names(entry)], sentence[title], sentence[tuple(where + year)]
        ]

    get_article_template = get_inproceedings_template = template
    get_incollection_template = get_misc_template = template


def all_names(entry: Entry) -> str:
    """Authors, first names first."""
    names = []
    for person in entry.persons["author"]:
        given = person.first_names + person.middle_names
        names.append(plain(" ".join([*given, last_name(person)])))
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


@dataclass
class Paper:
    """An entry, where it stands, and how the book's words may name it."""

    label: str
    title: str
    url: str
    page: str
    anchor: str
    pattern: str  # what matches a mention


def pattern(entry: Entry) -> str:
    """Matches a mention: "et al." or "and others", the year bare or in parentheses."""
    names, year = short_names(entry), entry.fields.get("year", "")
    first = spelled(names[0])
    if len(names) > 2 or names[-1] == "others":
        who = rf"{first}\s+(?:et\s+al\.|and\s+others)"
    else:
        who = r"\s+(?:&|and)\s+".join(map(spelled, names))
    return rf"\b{who},?\s+(?:{year}\b|\({year}\))" if year else rf"\b{who}\b"


def spelled(name: str) -> str:
    """A name with or without its accents."""
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return f"(?:{re.escape(name)}|{re.escape(bare)})"


def papers(env: BuildEnvironment) -> list[Paper]:
    """Every entry of the bibliography, as soon as all pages are read."""
    domain = env.get_domain("cite")
    return [
        Paper(
            label(citation.entry),
            plain(citation.entry.fields["title"]),
            citation.entry.fields.get("url", ""),
            citation.bibliography_key.docname,
            domain.bibliographies[citation.bibliography_key]
            .citation_nodes[citation.key]["ids"][0],
            pattern(citation.entry),
        )
        for citation in domain.citations
    ]  # fmt: skip


def mentions(
    document: nodes.document, known: list[Paper]
) -> Iterator[tuple[nodes.Text, re.Match, Paper]]:
    """Every place of a page that names a paper: the text, the match, the paper."""
    if not known:
        return
    anything = re.compile("|".join(f"({paper.pattern})" for paper in known))
    for text in prose_of(document):
        if any(isinstance(above, UNLINKED) for above in ancestors(text)):
            continue
        for match in anything.finditer(text):
            same = [p for p in known if re.fullmatch(p.pattern, match[0])]
            yield text, match, nearest(same, text[match.end() :])


UNLINKED = (nodes.reference, nodes.title, nodes.literal, nodes.citation)
UNREAD = (nodes.FixedTextElement, nodes.math, nodes.math_block)  # code, HTML, formulas


def prose_of(document: nodes.document) -> list[nodes.Text]:
    """The text of a page, without its code and its outputs."""
    texts = document.findall(nodes.Text)
    return [text for text in texts if not isinstance(text.parent, UNREAD)]


def ancestors(node: nodes.Node) -> Iterator[nodes.Node]:
    """What a node stands in."""
    while node.parent is not None:
        node = node.parent
        yield node


def nearest(same: list[Paper], after: str) -> Paper:
    """Of papers with one label, the one whose title follows first."""
    places = [after.find(paper.title.split(":")[0]) for paper in same]
    found = [(place, i) for i, place in enumerate(places) if place >= 0]
    return same[min(found)[1] if found else 0]


def note_pages(app: Sphinx, env: BuildEnvironment) -> set[str]:
    """Which pages name each paper, in words, by its title or by its address.

    Returns the pages to write again: where that changed, those that list the papers.
    """
    before = getattr(env, "named_on", None)
    env.papers = known = papers(env)
    env.named_on = {paper.anchor: [] for paper in known}
    for page in sorted(env.found_docs):
        document = env.get_doctree(page)
        named = {paper.anchor for _, _, paper in mentions(document, known)}
        links = {link.get("refuri") for link in document.findall(nodes.reference)}
        text = re.sub(r"\s+", " ", "".join(prose_of(document)))
        named |= {p.anchor for p in known if p.url in links - {""} or p.title in text}
        for anchor in named if not any(page == p.page for p in known) else ():
            env.named_on[anchor].append(page)
    return {paper.page for paper in known} if env.named_on != before else set()


def link_papers(app: Sphinx, document: nodes.document, page: str) -> None:
    """Words that name a paper become links; entries say where they are named."""
    env, found = app.env, {}
    for text, match, paper in mentions(document, env.papers):
        if paper.page != page:
            found.setdefault(text, []).append((match, paper))
    for text, matches in found.items():
        parts, end = [], 0
        for match, paper in matches:
            child = nodes.Text(match[0])
            parts += [
                nodes.Text(text[end : match.start()]),
                make_refnode(app.builder, page, paper.page, paper.anchor, child),
            ]
            end = match.end()
        text.parent.replace(text, [*parts, nodes.Text(text[end:])])
    for citation in document.findall(nodes.citation):
        citation += named_in(app, page, env.named_on.get(citation["ids"][0], []))


def named_in(app: Sphinx, page: str, pages: list[str]) -> nodes.paragraph:
    """The line under an entry that lists the pages which name it."""
    if not pages:
        text = "Named in the code of the library."
        return nodes.paragraph("", text, classes=["named-in"])
    line = nodes.paragraph("", "Named in: ", classes=["named-in"])
    for other in [p for p in reading_order(app.env) if p in pages]:
        line += [nodes.Text(", ")] * (len(line) > 1)
        title = app.env.titles[other].astext()
        text = f"{title} (library)" if other.startswith("reference/") else title
        line += make_refnode(app.builder, page, other, "", nodes.Text(text))
    return line


def reading_order(env: BuildEnvironment) -> list[str]:
    """Pages in the order of the table of contents."""
    return list(env.collect_relations())


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    plugin.register_plugin("pybtex.style.formatting", "inside-gpt", Style)
    app.setup_extension("sphinxcontrib.bibtex")
    app.connect("env-updated", note_pages, priority=600)  # when papers are known
    app.connect("doctree-resolved", link_papers, priority=600)  # after our own pages
    return {"parallel_read_safe": True, "parallel_write_safe": True}
