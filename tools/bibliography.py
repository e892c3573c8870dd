"""Papers: what the page of references looks like, and which words name a paper.

Chapters and docstrings say "Vaswani et al. 2017" or "Geva and others (2021)", which
reads well anywhere. On the site such words link to the entry in `references.bib`, and
each entry says which pages name it.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

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
from sphinxcontrib.bibtex.domain import BibtexDomain

from tools.prose import prose, readable

VENUES = ("journal", "booktitle", "howpublished")


def plain(latex: str) -> str:
    """Text without the marks of LaTeX."""
    return str(Text.from_latex(latex))


def details(entry: Entry) -> Mapping[str, str]:
    """Title, year and so on. pybtex declares them None, and then always has them."""
    return cast(Mapping[str, str], entry.fields)


def authors(entry: Entry) -> list[Person]:
    """Who wrote it. Of them, too, pybtex declares None."""
    return cast(Mapping[str, list[Person]], entry.persons)["author"]


def last_name(person: Person) -> str:
    """The name that a citation uses."""
    return plain(" ".join(person.get_part("prelast") + person.get_part("last")))


def short_names(entry: Entry) -> list[str]:
    """Last names, with "others" at the end where the list is cut."""
    return [last_name(person) for person in authors(entry)]


def label(entry: Entry) -> str:
    """How the book names a paper: Gage 1994, Pang & Lee 2005, Devlin et al. 2019."""
    names = short_names(entry)
    many = len(names) > 2 or names[-1] == "others"
    who = f"{names[0]} et al." if many else " & ".join(names)
    return " ".join(filter(None, [who, details(entry).get("year")]))


class Labels(BaseLabelStyle):
    """Entries are labeled as the book names them."""

    def format_labels(self, sorted_entries: list[Entry]) -> Iterator[str]:
        """One label for each entry; those that share one add what they are called."""
        labels = [label(entry) for entry in sorted_entries]
        for entry, name in zip(sorted_entries, labels, strict=True):
            short = plain(details(entry)["title"]).split(":")[0]
            yield name if labels.count(name) == 1 else f"{name}, {short}"


class Style(Plain):
    """Names, title, where it appeared, year; the title is the link."""

    default_label_style = Labels

    def template(self, e: Entry):
        """The same for every type of entry, which pybtex calls `e`."""
        fields = details(e)
        title = field("title", raw=False)
        if "url" in fields:
            title = href[field("url", raw=True), title]
        where = [tag("em")[field(name)] for name in VENUES if name in fields]
        if not where and "arxiv.org" in fields.get("url", ""):
            where = ["arXiv"]
        year = [field("year")] if "year" in fields else []
        return toplevel[
            sentence[all_names(e)], sentence[title], sentence[tuple(where + year)]
        ]

    get_article_template = template
    get_inproceedings_template = template
    get_incollection_template = template
    get_misc_template = template


def all_names(entry: Entry) -> str:
    """Authors, first names first."""
    names = []
    for person in authors(entry):
        given = person.get_part("first") + person.get_part("middle")
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
    names = short_names(entry)
    year = details(entry).get("year", "")
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


class Noted(Protocol):
    """What `note_pages` adds to Sphinx's environment."""

    papers: list[Paper]
    named_on: dict[str, list[str]]  # pages that name a paper, by its anchor


def noted(env: BuildEnvironment) -> Noted:
    """The environment, once pages are noted: Sphinx keeps what is added to it."""
    return cast(Noted, env)


def papers(env: BuildEnvironment) -> list[Paper]:
    """Every entry of the bibliography, as soon as all pages are read."""
    domain = cast(BibtexDomain, env.get_domain("cite"))
    return [
        Paper(
            label(citation.entry),
            plain(details(citation.entry)["title"]),
            details(citation.entry).get("url", ""),
            citation.bibliography_key.docname,
            domain.bibliographies[citation.bibliography_key]
            .citation_nodes[citation.key]["ids"][0],
            pattern(citation.entry),
        )
        for citation in domain.citations
    ]  # fmt: skip


def mentions(text: str, known: list[Paper]) -> Iterator[tuple[int, int, Paper]]:
    """Each place of a text that names a paper: start, end, paper."""
    anything = re.compile("|".join(f"({paper.pattern})" for paper in known) or "(?!)")
    for match in anything.finditer(text):
        same = [p for p in known if re.fullmatch(p.pattern, match[0])]
        yield *match.span(), nearest(same, text[match.end() :])


def nearest(same: list[Paper], after: str) -> Paper:
    """Of papers with one label, the one whose title follows first."""
    places = [after.find(paper.title.split(":")[0]) for paper in same]
    found = [(place, i) for i, place in enumerate(places) if place >= 0]
    return same[min(found)[1] if found else 0]


def note_pages(app: Sphinx, env: BuildEnvironment) -> None:
    """Which pages name each paper, in words, by its title or by its address."""
    known = papers(env)
    named_on = {paper.anchor: [] for paper in known}
    noted(env).papers = known
    noted(env).named_on = named_on
    for page in sorted(env.found_docs - {paper.page for paper in known}):
        document = env.get_doctree(page)
        texts = prose(document)
        named = {p.anchor for text in texts for *_, p in mentions(text, known)}
        links = {link.get("refuri") for link in document.findall(nodes.reference)}
        text = re.sub(r"\s+", " ", "".join(readable(document)))
        named |= {p.anchor for p in known if p.url in links - {""} or p.title in text}
        for anchor in named:
            named_on[anchor].append(page)


def list_pages(app: Sphinx, document: nodes.document, page: str) -> None:
    """Each entry says where it is named."""
    for citation in document.findall(nodes.citation):
        pages = noted(app.env).named_on.get(citation["ids"][0], [])
        citation += named_in(app, page, pages)


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


def setup(app: Sphinx) -> None:
    """Called by tools/mentions.py."""
    plugin.register_plugin("pybtex.style.formatting", "inside-gpt", Style)
    app.setup_extension("sphinxcontrib.bibtex")
    app.connect("env-updated", note_pages, priority=600)  # when papers are known
    app.connect("doctree-resolved", list_pages, priority=600)
