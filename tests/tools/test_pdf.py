"""The parts of the PDF that need no browser; test_site.py looks at the whole."""

from pathlib import Path

import pytest
import yaml
from pypdf import PdfReader, PdfWriter

from tools import pdf
from tools.library import unfolded

ROOT = Path(__file__).parents[2]
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
BOOK = pdf.parts(unfolded(CONTENTS, ROOT))


def article(page, heads):
    part = next(part for part in BOOK if part.page == page)
    heads = [(level, f"{part.anchor}--{words}", words) for level, words in heads]
    body = "".join(f'<h{n} id="{anchor}">{words}</h{n}>' for n, anchor, words in heads)
    return pdf.Article(part, body, heads)


def test_parts_are_the_pages_in_their_order():
    chapters = [part.page for part in BOOK if part.number]
    assert chapters == sorted(chapters) and chapters[0] == "chapters/01_tokens"
    for part in BOOK:
        number = part.page.removeprefix("chapters/")[:2]
        assert part.number == (int(number) if number.isdigit() else 0)
    depths = {part.page: part.depth for part in BOOK}
    assert depths["reference/library"] == 0 and depths["reference/model"] == 1


def test_contents_list_sections_of_chapters_alone():
    chapter = article(
        "chapters/03_attention", [(1, "Attention"), (2, "a < b"), (3, "c")]
    )
    page = article("glossary", [(1, "Glossary"), (2, "hidden")])
    under = article("reference/tokens", [(2, "lib.tokens"), (3, "bpe.py")])
    numbers = {chapter.heads[0][1]: 7, page.heads[0][1]: 123}
    found = pdf.contents([chapter, page, under], numbers)
    for words in ("<b>3</b> Attention", "a &lt; b", "Glossary", "lib.tokens"):
        assert words in found
    for words in ("hidden", "bpe.py", ">c<"):
        assert words not in found
    assert found.count(">000<") == 2 and ">7<" in found and ">123<" in found
    assert not pdf.dead_links(pdf.document([chapter, page, under], "", numbers))


def test_dead_links_are_named():
    body = '<a href="#there">a</a><p id="there"></p><a href="#gone">b</a>'
    assert pdf.dead_links(body) == ["gone"]


def test_a_book_with_a_dead_link_is_not_printed(tmp_path, monkeypatch):
    one = article("glossary", [(1, "Glossary")])
    one.body += '<a href="#gone">a</a>'

    class Page:
        def evaluate(self, *_):
            pass

    with pytest.raises(SystemExit, match="gone"):
        pdf.print_book(Page(), [one], "", tmp_path / "a.pdf")


def test_a_packed_book_says_the_same_in_less_room(tmp_path):
    path = tmp_path / "a.pdf"
    writer = PdfWriter()
    for number in range(500):
        writer.add_blank_page(100 + number, 100)
        writer.add_outline_item(title=f"Page {number}", page_number=number)
    writer.add_metadata({"/Title": "A book"})
    writer.write(path)
    size = path.stat().st_size
    pdf.pack(path)
    after = PdfReader(path)
    assert path.stat().st_size < size / 3
    assert [page.mediabox.width for page in after.pages] == [*range(100, 600)]
    assert [mark.title for mark in after.outline] == [f"Page {n}" for n in range(500)]
    assert after.metadata.title == "A book"
