"""Numbered figures and equations: anchors, links from page to page, warnings."""

import io
import re

import nbformat
import pytest
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from tools.numbered import mentions

PICTURE = nbformat.v4.new_output(
    "display_data", {"text/html": "<svg viewBox='0 0 1 1'><title>a</title></svg>"}
)
PRINTED = nbformat.v4.new_output("stream", text="1\n")
TWO_LINES = "$$\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned} \\tag{1.1}\n$$"
INDEX = """# I

```{toctree}
a
b
```

```{bibliography}
:all:
:style: inside-gpt
```

```{glossary}
token
  A piece of text.
```
"""
ELSEWHERE = """# B

Of **tokens** and **Tokens** writes Gage
1994, in figure 1.2.

See figures 1.1 and 1.2, equation
1.1 and section 1.3, not `figure 1.1`, **figure 1.1** or figure 1 of a paper.
"""


def code(*outputs):
    return nbformat.v4.new_code_cell("1", execution_count=1, outputs=list(outputs))


def text(source):
    return nbformat.v4.new_markdown_cell(source)


@pytest.fixture
def book(tmp_path):
    """A notebook with two figures and an equation, and a page that names them."""
    folder = tmp_path / "book"
    folder.mkdir()
    cells = [
        text("# A"),
        code(PRINTED),
        code(PICTURE),
        code(PICTURE),
        text("**Figure 1.1.** Two of them, as in figure 1.2."),
        code(PICTURE),
        text("**Figure 1.2.** One.\n\nProse.\n\n**Figure 1.1** is bold prose."),
        text(TWO_LINES),
    ]
    metadata = {"language_info": {"name": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.write(notebook, folder / "a.ipynb")
    (folder / "b.md").write_text(ELSEWHERE)
    (folder / "index.md").write_text(INDEX)
    (folder / "references.bib").write_text(
        "@article{gage1994, author={Gage, Philip}, title={A New Algorithm}, year=1994}"
    )
    return folder


@pytest.fixture
def build(book, monkeypatch):
    """Build, again what has changed; return the pages and the warnings."""

    def run():
        settings = {
            "extensions": ["myst_nb", "tools.mentions"],
            "bibtex_bibfiles": ["references.bib"],
            "nb_execution_mode": "off",
            "myst_enable_extensions": ["dollarmath"],
            "suppress_warnings": ["config.cache"],
        }
        said, out = io.StringIO(), book.with_name("site")
        with docutils_namespace():
            folders = book, None, out, out / "trees", "html"
            Sphinx(*folders, settings, status=None, warning=said).build()
        pages = {
            name: (out / f"{name}.html").read_text() for name in ("a", "b", "index")
        }
        return pages, said.getvalue()

    return run


def test_mentions_are_found_in_prose():
    found = "Figures 2.1, 2.2 and 3.10 beat figure 2.3. Equation 4.1, figure 5, in 2.4"
    assert [(found[start:end], name) for start, end, name in mentions(found)] == [
        ("Figures 2.1", "figure-2-1"),
        ("2.2", "figure-2-2"),
        ("3.10", "figure-3-10"),
        ("figure 2.3", "figure-2-3"),
        ("Equation 4.1", "equation-4-1"),
    ]


def test_the_appendix_counts_with_a_letter():
    found = "Figures A.1 and 3.2, equation A.10, but no plan A.1 and no figure B.1"
    assert [name for *_, name in mentions(found)] == [
        "figure-A-1",
        "figure-3-2",
        "equation-A-10",
    ]


def test_a_figure_of_the_appendix_is_linked(book, build):
    notebook = (book / "a.ipynb").read_text()
    (book / "a.ipynb").write_text(notebook.replace("igure 1.2", "igure A.1"))
    (book / "b.md").write_text("# B\n\nSee figure A.1, and not figure A.2.\n")
    pages, said = build()
    assert 'id="figure-A-1"' in pages["a"]
    assert 'href="a.html#figure-A-1">figure A.1</a>' in pages["b"]
    assert "b.md: WARNING: figure A.2 is named, and there is none" in said


def test_a_caption_is_marked_and_its_picture_is_the_anchor(build):
    pages, said = build()
    assert not said
    assert pages["a"].count('<p class="caption-of-figure"><strong>Figure 1.') == 2
    starts = [re.search(f'id="figure-1-{n}"', pages["a"]).start() for n in (1, 2)]
    outputs = [m.start() for m in re.finditer('class="cell_output', pages["a"])]
    # The first of the two pictures that share a caption, and not what is printed above.
    assert outputs[0] < starts[0] < outputs[2] < outputs[3] < starts[1] + 99
    assert pages["a"].count("<svg") == 3


def test_an_equation_of_several_lines_keeps_its_tag(build):
    """Sphinx would put it into `split`, where MathJax refuses a tag."""
    pages, _ = build()
    (formula,) = re.findall(r'<div class="math[^>]*>(.+?)</div>', pages["a"], re.DOTALL)
    assert 'id="equation-1-1"' in pages["a"]
    assert formula.split() == (
        r"\[\begin{aligned} a &amp;= b \\ c &amp;= d \end{aligned} \tag{1.1}\]".split()
    )


def test_mentions_link_from_page_to_page(build):
    pages, _ = build()
    links = re.findall(r'<a [^>]*href="([^"]*#[fe][^"]*)"[^>]*>([^<]*)<', pages["b"])
    assert [(link, " ".join(said.split())) for link, said in links] == [
        ("a.html#figure-1-2", "figure 1.2"),
        ("a.html#figure-1-1", "figures 1.1"),
        ("a.html#figure-1-2", "1.2"),
        ("a.html#equation-1-1", "equation 1.1"),
    ]
    assert 'href="#figure-1-2">figure 1.2</a>' in pages["a"]


def test_papers_and_terms_link_in_the_same_way(build):
    """From words broken over two lines; a term once, in the plural."""
    pages, _ = build()
    links = re.findall(
        r'<a [^>]*href="index.html#([^"]*)"[^>]*>(.*?)</a>', pages["b"], re.DOTALL
    )
    said = [
        (link, " ".join(re.sub("<[^>]+>", "", text).split())) for link, text in links
    ]
    assert said[0] == ("term-token", "tokens")
    assert [text for _, text in said[1:]] == ["Gage 1994"]
    assert f'id="{said[1][0]}"' in pages["index"]
    named = re.search(r'class="named-in">(.*?)</p>', pages["index"])[1]
    assert re.sub("<[^>]+>", "", named) == "Named in: B"


def test_what_does_not_exist_and_what_is_there_twice_is_a_warning(book, build):
    (book / "b.md").write_text("# B\n\nSee figure 1.7.\n\n$$\nx \\tag{1.1}\n$$\n")
    pages, said = build()
    assert "b.md: WARNING: figure 1.7 is named, and there is none" in said
    assert said.count("there are two of equation 1.1") == 2
    assert "#figure-1-7" not in pages["b"]


def test_a_figure_that_goes_is_missed_on_a_page_that_did_not_change(book, build):
    build()
    notebook = (book / "a.ipynb").read_text()
    (book / "a.ipynb").write_text(notebook.replace("**Figure 1.2.**", "Figure:"))
    _, said = build()
    assert "b.md: WARNING: figure 1.2 is named" in said
