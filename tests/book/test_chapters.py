"""The contract that every chapter and every solution keeps."""

import ast
import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tests.helpers.contents import contents
from tools.address import address, disagreements, notebooks, read_notebook, site
from tools.numbered import NUMBER, TAG, anchor, mentions, said
from tools.tidy import METADATA

ROOT = Path(__file__).parents[2]
NAMES = [path.relative_to(ROOT).as_posix() for path in notebooks(ROOT)]
CHAPTERS = [name for name in NAMES if "solutions" not in name]
# "Before you start" and the appendix teach without exercises; all else has them.
EXERCISED = [n for n in NAMES if not n.startswith(("chapters/00_", "chapters/app"))]
TAUGHT = [name for name in CHAPTERS if name in EXERCISED]
HEADER = (
    r"- \*\*You will be able to\*\* .+\.",
    r"- \*\*You need\*\* .+\.",
    r"- \*\*Minutes to read:\*\* \d+",
    r"- \*\*Seconds to run:\*\* \d+ on 2 CPU cores",
    r"- \[Open in Colab\]\(https://colab\.research\.google\.com/github/.+\.ipynb\)",
)
REASONS = {  # what the design allows to differ from machine to machine
    "exempt-live-curve",
    "exempt-trained-explorer",
    "exempt-live-widget",
    "exempt-sampled-text",
    "exempt-hardware",
}

LAST = ("## What we found", "## Exercises", "## What to read")
EXERCISE = re.compile(
    r"^\*\*(\d+)\. ([^*]+)\*\* \((easy|medium|hard|predict|explain), \d+ minutes\)\.",
    re.MULTILINE,
)
FORMS = {"both", "calibrated"}  # in bold, and a form of a word of the glossary
CAPTION = re.compile(rf"^\*\*Figure ({NUMBER})\.\*\* (\S.{{30,}})$", re.MULTILINE)
DISPLAYED = re.compile(r"^\$\$$.+?^\$\$$", re.MULTILINE | re.DOTALL)

every = pytest.mark.parametrize("name", NAMES)
exercised = pytest.mark.parametrize("name", EXERCISED)
taught = pytest.mark.parametrize("name", TAUGHT)
chapters = pytest.mark.parametrize("name", CHAPTERS)


def read(name):
    return read_notebook(ROOT / name)


def code_cells(name):
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


def lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def tags(cell):
    return set(cell.metadata.get("tags", []))


def python(cell):
    """The cell's syntax tree, without IPython's own commands."""
    source = "\n".join(
        s for s in cell.source.splitlines() if s.lstrip()[:1] not in "!%"
    )
    return ast.parse(source)


@every
def test_header(name):
    title, *fields = [s for s in read(name).cells[0].source.splitlines() if s]
    assert title.startswith("# ")
    assert len(fields) == len(HEADER)
    for field, pattern in zip(fields, HEADER, strict=True):
        assert re.fullmatch(pattern, field), field


@every
def test_cells_are_short(name):
    first, *rest = code_cells(name)
    assert len(lines(first)) <= 6
    for cell in rest:
        grown = only_imports(cell) or "from-scratch" in tags(cell)
        assert len(lines(cell)) <= (25 if grown else 12), cell.source


def only_imports(cell):
    kinds = (ast.Import, ast.ImportFrom)
    return all(isinstance(node, kinds) for node in python(cell).body)


@every
def test_outputs_are_stored_and_in_order(name):
    cells = code_cells(name)
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert not [o for o in cell.outputs if o.output_type == "error"], cell.source


@every
def test_nothing_of_one_machine_is_stored(name):
    assert read(name).metadata == METADATA  # it asks Colab for a GPU
    for cell in code_cells(name):
        assert "execution" not in cell.metadata
        assert not any(
            "widget" in key for o in cell.outputs for key in o.get("data", {})
        )


@every
def test_what_is_defined_is_an_exercise_or_compared(name):
    """Code of a chapter's own is small, and shown to equal the library's."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for section in sections(name):
        code = [cell for cell in section if cell.cell_type == "code"]
        for i, cell in enumerate(code):
            if any(isinstance(node, kinds) for node in ast.walk(python(cell))):
                assert tags(cell) & {"exercise", "from-scratch"}, cell.source
            if "from-scratch" in tags(cell):
                after = "\n".join(other.source for other in code[i:])
                assert re.search(r"allclose|equal\(", after), cell.source


def sections(name):
    """The cells from each heading of the first level to the next."""
    found = [[]]
    for cell in read(name).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            found.append([])
        found[-1].append(cell)
    return found


def headings(name):
    return [section[0].source.splitlines()[0] for section in sections(name)[1:]]


@chapters
def test_a_chapter_is_one_sitting(name):
    """What is longer is two chapters, or a script of `benchmarks/`."""
    assert len(code_cells(name)) <= 45
    assert sum(len(text.split()) for text in prose(name)) <= 3000
    end = "## What we found" if name in TAUGHT else "## What to read"
    assert headings(name).index(end) <= 6


@chapters
def test_minutes_are_those_of_a_reader(name):
    """120 words and 4 lines of code a minute, exercises and folded code apart."""
    read_on = [s for s in sections(name) if not s[0].source.startswith(LAST)]
    cells = [cell for section in read_on for cell in section]
    words = sum(len(c.source.split()) for c in cells if c.cell_type == "markdown")
    shown = [c for c in cells if c.cell_type == "code" and "hide-input" not in tags(c)]
    minutes = words / 120 + sum(len(lines(cell)) for cell in shown) / 4
    stated = re.search(r"Minutes to read:\*\* (\d+)", cells[0].source)[1]
    assert int(stated) == 5 * round(minutes / 5), minutes


@chapters
def test_nothing_grey_stands_before_the_first_idea(name):
    """Imports are folded, and so is code that only draws."""
    for cell in code_cells(name):
        draws = "plt.show()" in cell.source and "print(" not in cell.source
        if only_imports(cell) or draws or cell is code_cells(name)[0]:
            assert "hide-input" in tags(cell), cell.source


@taught
def test_it_says_what_was_found(name):
    """At most six results, each with its number, right before the exercises."""
    assert headings(name)[-3:] == list(LAST)
    (found,) = (s for s in sections(name) if s[0].source.startswith(LAST[0]))
    results = re.findall(r"^- .+", found[0].source, re.MULTILINE)
    assert 3 <= len(results) <= 6
    for result in results:
        assert re.search(r"\d", result), result


@taught
def test_exercises_are_of_every_kind(name):
    """To code, to predict and then measure, to explain: all solved, by their names."""
    asked = [found for text in prose(name) for found in EXERCISE.findall(text)]
    assert 5 <= len(asked) <= 8
    assert {kind for *_, kind in asked} >= {"predict", "explain"}
    assert {kind for *_, kind in asked} & {"easy", "medium", "hard"}
    solutions = name.replace("chapters/", "chapters/solutions/")
    solved = [f"{number}. {title}" for number, title, _ in asked]
    assert [h.removeprefix("## ") for h in headings(solutions)] == solved
    for (_, _, kind), section in zip(asked, sections(solutions)[1:], strict=True):
        if kind == "predict":  # the measurement, beside the answer
            assert len([c for c in section if c.cell_type == "code"]) >= 2


@every
def test_only_the_first_cell_names_a_device(name):
    for cell in code_cells(name)[1:]:
        found = re.search(r"\.cuda\(|[\"'](cuda|mps|cpu)[\"':]", cell.source)
        assert not found, cell.source


@every
def test_every_picture_has_alt_text(name):
    for cell in code_cells(name):
        if any("image/png" in o.get("data", {}) for o in cell.outputs):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) > 40, cell.source


def prose(name):
    return [cell.source for cell in read(name).cells if cell.cell_type == "markdown"]


def pictured(cell):
    """Whether a cell's stored output shows an image, a diagram or an explorer."""
    for data in (output.get("data", {}) for output in cell.get("outputs", [])):
        if any(kind.startswith("image/") for kind in data):
            return True
        if "text/html" in data and "<table" not in data["text/html"]:
            return True
    return False


def counted(name, many):
    """The numbers that a chapter's figures or equations must have, in order."""
    chapter = "A" if "appendix" in name else int(Path(name).name[:2])
    return [f"{chapter}.{n}" for n in range(1, many + 1)]


@cache
def captions(name):
    return [found[1] for text in prose(name) for found in CAPTION.finditer(text)]


@cache
def tagged(name):
    return [number for text in prose(name) for number in TAG.findall(text)]


@every
def test_every_picture_has_a_caption_and_they_count_up(name):
    """Right below it; pictures with nothing between them share one."""
    below = [
        after for cell, after in pairwise([*read(name).cells, {}])
        if pictured(cell) and not pictured(after)
    ]  # fmt: skip
    for cell, number in zip(below, counted(name, len(below)), strict=True):
        found = CAPTION.match(cell.get("source", ""))
        began = cell.get("source", "nothing")[:60]
        assert found, f"figure {number} has no caption, but: {began}"
        assert found[1] == number, f"figure {number} is called {found[1]}"
    assert captions(name) == counted(name, len(below)), "a caption without a picture"


@every
def test_equations_count_up(name):
    """All that stand by themselves, each with a number of its own."""
    many = sum(len(DISPLAYED.findall(text)) for text in prose(name))
    assert tagged(name) == counted(name, many)


@every
def test_figures_and_equations_that_are_named_exist(name):
    known = {anchor("figure", number) for path in NAMES for number in captions(path)}
    known |= {anchor("equation", n) for path in NAMES for n in tagged(path)}
    for text in prose(name):
        for *_, named in mentions(text):
            assert named in known, f"{said(named)} is named, and there is none"


@every
def test_exempt_cells_name_a_reason_and_are_few(name):
    printing = [cell for cell in code_cells(name) if cell.outputs]
    exempt = [cell for cell in code_cells(name) if "nbval-ignore-output" in tags(cell)]
    for cell in exempt:
        assert len(tags(cell) & REASONS) == 1, cell.source
    for cell in code_cells(name):
        assert tags(cell) <= REASONS | {
            "nbval-ignore-output",
            "exercise",
            "hide-input",
            "from-scratch",
            "cover",
        }
    assert 3 * len(exempt) <= len(printing)


@exercised
def test_exercises_say_what_the_checkers_say(name):
    """Open in the chapter, correct in its solutions."""
    expected = "Correct." if "solutions" in name else "Not done yet"
    exercises = [cell for cell in code_cells(name) if "exercise" in tags(cell)]
    assert len(exercises) >= 5
    for cell in exercises:
        assert cell.outputs[-1]["data"]["text/plain"].startswith(expected), cell.source


@exercised
def test_it_ends_with_the_readers_progress(name):
    """Nothing is done in the chapter, everything is right in its solutions."""
    asked = [cell for cell in code_cells(name) if "exercise" in tags(cell)]
    last = code_cells(name)[-1]
    assert last.source == f"check.progress({int(Path(name).name[:2])})"
    said = last.outputs[-1]["data"]["text/markdown"]
    solved = "solutions" in name
    first = "All {} exercises are" if solved else "None of the {} exercises is done"
    assert said.startswith(first.format(len(asked)))
    assert said.count(": right" if solved else ": open") == len(asked)
    after = read(name).cells[read(name).cells.index(last) + 1 :]
    assert [c.source.splitlines()[0] for c in after] == ["## What to read"][solved:]


@exercised
def test_chapters_and_solutions_come_in_pairs(name):
    pair = (
        name.replace("chapters/solutions/", "chapters/")
        if "solutions" in name
        else name.replace("chapters/", "chapters/solutions/")
    )
    assert pair in NAMES


@every
def test_the_headers_seconds_are_the_recorded_ones(name):
    record = json.loads((ROOT / "benchmarks/results/chapters.json").read_text())[name]
    stated = re.search(r"Seconds to run:\*\* (\d+)", read(name).cells[0].source)[1]
    assert int(stated) == record["seconds"] <= 90
    assert record["machine"] and record["command"].endswith(name)


@every
def test_the_address_is_that_of_the_configuration(name):
    assert not [line for line in disagreements(ROOT) if line.startswith(name)]


@every
def test_new_words_stand_in_the_glossary(name):
    """A bold word is a term or a part of one; what ends with a mark is a label."""
    page = (ROOT / "glossary.md").read_text(encoding="utf-8")
    terms = " | ".join(re.findall(r"^(\S.*)\n  ", page, re.MULTILINE)).lower()
    for cell in read(name).cells[1:]:
        text = (
            re.sub(r"`[^`]*`", "", cell.source) if cell.cell_type == "markdown" else ""
        )
        for word in re.findall(r"\*\*([^*]+)\*\*", text):
            label = word[-1] in ".:" or word[0].isdigit()
            forms = {word.lower().removesuffix(ending) for ending in ("", "s", "es")}
            known = any(re.search(rf"\b{re.escape(form)}\b", terms) for form in forms)
            assert label or known or word in FORMS, f"not in the glossary: {word}"


@every
def test_it_reads_well_where_markdown_is_plain(name):
    """Colab and JupyterLab know no directive, no role, no reference of the site."""
    raw = r"^\s*(:::|```\{)|\{[\w:-]+\}`|^\([\w-]+\)=$|^\[\^|\{\{"
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            found = re.search(raw, cell.source, re.MULTILINE)
            assert not found, cell.source


@every
def test_asides_are_few_and_short_and_define_nothing(name):
    """A quote that begins with a bold word and has no other: terms are for the text."""
    text = "\n".join(c.source for c in read(name).cells if c.cell_type == "markdown")
    quotes = [line for line in text.splitlines() if line.lstrip().startswith(">")]
    assert len(quotes) <= 4
    for quote in quotes:
        assert re.fullmatch(r"> \*\*Aside\.\*\* .+[.?!]", quote), quote
        assert quote.count("**") == 2 and len(quote.split()) - 2 <= 60, quote


@every
def test_links_lead_somewhere_wherever_it_is_opened(name):
    """Every link is whole; those to the book lead to pages and files that it has."""
    url = address(ROOT)
    text = "\n".join(c.source for c in read(name).cells if c.cell_type == "markdown")
    links = re.findall(r"\]\(([^)\s]*)", text)
    assert links
    for link in links:
        assert link.startswith("https://"), link
        if link.startswith(site(url)):
            page = link.removeprefix(site(url) + "/").split("#")[0]
            assert page.removesuffix(".html") in contents(), link
        if "/blob/" in link:
            assert (ROOT / link.split("/blob/main/")[1]).is_file(), link


@every
def test_words_that_promise_are_absent(name):
    banned = (
        r"\b(simply|obviously|of course|powerful|cutting-edge|seamless\w*|crucial)\b"
    )
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            assert not re.search(banned, cell.source, re.IGNORECASE), cell.source
