"""Papers: what the book names is in references.bib, and nothing else is."""

import re
from pathlib import Path

import nbformat
import pytest
from docutils import nodes
from docutils.utils import new_document
from pybtex.database import parse_file

from tools import bibliography
from tools.mentions import meant
from tools.prose import prose

ROOT = Path(__file__).parents[2]
ENTRIES = parse_file(ROOT / "references.bib").entries
MENTION = re.compile(
    r"\b[A-Z][\w-]+(?: et al\.| and others| (?:&|and) [A-Z][\w-]+)"
    r" (?:(?:19|20)\d\d\b|\((?:19|20)\d\d\))"
)


def texts():
    """What a reader may read, by file: docstrings, comments, Markdown."""
    for path in sorted((ROOT / "lib").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        yield str(path.relative_to(ROOT)), re.sub(r"\s+(#\s+)?", " ", source)
    for path in sorted((ROOT / "chapters").rglob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
        yield str(path.relative_to(ROOT)), re.sub(r"\s+", " ", "\n".join(prose))
    for path in sorted(ROOT.glob("*.md")):
        yield (
            str(path.relative_to(ROOT)),
            re.sub(r"\s+", " ", path.read_text(encoding="utf-8")),
        )


TEXTS = dict(texts())


def test_every_paper_that_is_named_has_an_entry():
    patterns = [bibliography.pattern(entry) for entry in ENTRIES.values()]
    found = {(n, m[0]) for n, text in TEXTS.items() for m in MENTION.finditer(text)}
    assert len(found) > 50
    missing = [
        (name, mention)
        for name, mention in found
        if not any(re.fullmatch(pattern, mention) for pattern in patterns)
    ]
    assert not missing


def test_a_title_quoted_after_a_mention_is_that_of_an_entry():
    known = [
        (bibliography.pattern(entry), bibliography.plain(entry.fields["title"]))
        for entry in ENTRIES.values()
    ]
    quoted = {
        (name, mention[0], mention["title"].rstrip(",."))
        for name, text in TEXTS.items()
        for mention in re.finditer(rf'(?:{MENTION.pattern}),? "(?P<title>[^"]+)"', text)
    }
    assert len(quoted) > 40
    wrong = [
        (name, title)
        for name, mention, title in quoted
        if not any(
            re.match(pattern, mention) and known_title.startswith(title)
            for pattern, known_title in known
        )
    ]
    assert not wrong


def test_a_link_to_an_entry_says_its_year():
    years = {
        entry.fields["url"]: entry.fields["year"]
        for entry in ENTRIES.values()
        if "url" in entry.fields and "year" in entry.fields
    }
    said = {
        (name, url, year)
        for name, text in TEXTS.items()
        for url, year in re.findall(r"\]\((https://[^)]+)\), ((?:19|20)\d\d)\b", text)
        if url in years
    }
    assert len(said) > 20
    assert {(name, url, years[url]) for name, url, _ in said} == said


@pytest.mark.parametrize("key", ENTRIES)
def test_every_entry_is_named_and_complete(key):
    entry, everything = ENTRIES[key], " ".join(TEXTS.values())
    title = entry.fields["title"]
    url = entry.fields.get("url", title)
    named = re.search(bibliography.pattern(entry), everything)
    assert named or title in everything or url in everything
    assert entry.persons["author"]
    assert "year" in entry.fields or key == "jurafsky"  # a draft that goes on
    assert url == title or url.startswith("https://")


def test_labels_and_mentions_agree():
    label, pattern = bibliography.label, bibliography.pattern
    assert label(ENTRIES["vaswani2017"]) == "Vaswani et al. 2017"
    assert label(ENTRIES["bengio2003"]) == "Bengio & Senécal 2003"
    assert label(ENTRIES["jordan2024"]) == "Jordan et al. 2024"
    assert label(ENTRIES["gage1994"]) == "Gage 1994"
    for key, mention in {
        "bengio2003": "Bengio & Senecal 2003",
        "geva2021": "Geva and others (2021)",
        "pang2005": "Pang and\nLee 2005",
    }.items():
        assert re.fullmatch(pattern(ENTRIES[key]), mention)
    assert not re.search(pattern(ENTRIES["geva2021"]), "Geva et al. 2020")


def test_of_two_papers_with_one_label_the_title_decides():
    known = [
        bibliography.Paper(
            bibliography.label(ENTRIES[key]),
            ENTRIES[key].fields["title"],
            "",
            "references",
            key,
            bibliography.pattern(ENTRIES[key]),
        )
        for key in ("touvron2023", "touvron2023two")
    ]
    page = new_document("page")
    page += nodes.paragraph("", 'Touvron et al. 2023, "Llama 2: Open Foundation"')
    page += nodes.literal_block("", "Touvron et al. 2023")
    page += nodes.paragraph("", "Touvron et al. 2023")
    found = [
        paper.anchor
        for text in prose(page)
        for *_, paper in bibliography.mentions(text, known)
    ]
    assert found == ["touvron2023two", "touvron2023"]


def test_a_term_in_bold_is_found_in_the_plural():
    known = {"head": ("g", "a"), "entropy": ("g", "b"), "loss": ("g", "c")}
    words = {"heads": "head", "Entropies": "entropy", "losses": "loss", "los": ""}
    assert {word: meant(word, known) for word in words} == words
