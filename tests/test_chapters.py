"""The contract that every chapter and every solution keeps."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest
import yaml

from tools.address import address, disagreements, notebooks, site
from tools.tidy import METADATA

ROOT = Path(__file__).parent.parent
NAMES = [path.relative_to(ROOT).as_posix() for path in notebooks(ROOT)]
CHAPTERS = [name for name in NAMES if "solutions" not in name]
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

pytestmark = pytest.mark.parametrize("name", NAMES)


def read(name):
    return nbformat.read(ROOT / name, as_version=4)


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


def test_header(name):
    title, *fields = [s for s in read(name).cells[0].source.splitlines() if s]
    assert title.startswith("# ")
    assert len(fields) == len(HEADER)
    for field, pattern in zip(fields, HEADER, strict=True):
        assert re.fullmatch(pattern, field), field


def test_cells_are_short(name):
    first, *rest = code_cells(name)
    assert len(lines(first)) <= 6
    for cell in rest:
        assert len(lines(cell)) <= 12, cell.source


def test_outputs_are_stored_and_in_order(name):
    cells = code_cells(name)
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert not [o for o in cell.outputs if o.output_type == "error"], cell.source


def test_nothing_of_one_machine_is_stored(name):
    assert read(name).metadata == METADATA  # it asks Colab for a GPU
    for cell in code_cells(name):
        assert "execution" not in cell.metadata
        assert not any(
            "widget" in key for o in cell.outputs for key in o.get("data", {})
        )


def test_nothing_is_defined_outside_exercises(name):
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for cell in code_cells(name):
        if "exercise" not in tags(cell):
            assert not [n for n in ast.walk(python(cell)) if isinstance(n, kinds)]


def test_only_the_first_cell_names_a_device(name):
    for cell in code_cells(name)[1:]:
        found = re.search(r"\.cuda\(|[\"'](cuda|mps|cpu)[\"':]", cell.source)
        assert not found, cell.source


def test_every_picture_has_alt_text(name):
    for cell in code_cells(name):
        if any("image/png" in o.get("data", {}) for o in cell.outputs):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) > 40, cell.source


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
            "cover",
        }
    assert 3 * len(exempt) <= len(printing)


def test_exercises_say_what_the_checkers_say(name):
    """Open in the chapter, correct in its solutions."""
    expected = "Correct." if "solutions" in name else "Not done yet"
    exercises = [cell for cell in code_cells(name) if "exercise" in tags(cell)]
    assert len(exercises) >= 5
    for cell in exercises:
        assert cell.outputs[-1]["data"]["text/plain"].startswith(expected), cell.source


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


def test_it_is_in_the_table_of_contents(name):
    toc = (ROOT / "_toc.yml").read_text()
    files = re.findall(r"file: (\S+)", toc)
    assert name.removesuffix(".ipynb") in files
    assert yaml.safe_load(toc)["root"] == "index"


def test_chapters_and_solutions_come_in_pairs(name):
    pair = (
        name.replace("chapters/solutions/", "chapters/")
        if "solutions" in name
        else name.replace("chapters/", "chapters/solutions/")
    )
    assert pair in NAMES


def test_the_headers_seconds_are_the_recorded_ones(name):
    record = json.loads((ROOT / "benchmarks/results/chapters.json").read_text())[name]
    stated = re.search(r"Seconds to run:\*\* (\d+)", read(name).cells[0].source)[1]
    assert int(stated) == record["seconds"] <= 90
    assert record["machine"] and record["command"].endswith(name)


def test_the_address_is_that_of_the_configuration(name):
    assert not [line for line in disagreements(ROOT) if line.startswith(name)]


def test_it_reads_well_where_markdown_is_plain(name):
    """Colab and JupyterLab know no directive, no role, no reference of the site."""
    raw = r"^\s*(:::|```\{)|\{[\w:-]+\}`|^\([\w-]+\)=$|^\[\^|\{\{"
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            found = re.search(raw, cell.source, re.MULTILINE)
            assert not found, cell.source


def test_links_lead_somewhere_wherever_it_is_opened(name):
    """Every link is whole; those to the book lead to pages and files that it has."""
    url, toc = address(ROOT), (ROOT / "_toc.yml").read_text()
    text = "\n".join(c.source for c in read(name).cells if c.cell_type == "markdown")
    links = re.findall(r"\]\(([^)\s]*)", text)
    assert links
    for link in links:
        assert link.startswith("https://"), link
        if link.startswith(site(url)):
            page = link.removeprefix(site(url) + "/").split("#")[0]
            assert page.removesuffix(".html") in re.findall(r"file: (\S+)", toc), link
        if "/blob/" in link:
            assert (ROOT / link.split("/blob/main/")[1]).is_file(), link


def test_words_that_promise_are_absent(name):
    banned = (
        r"\b(simply|obviously|of course|powerful|cutting-edge|seamless\w*|crucial)\b"
    )
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            assert not re.search(banned, cell.source, re.IGNORECASE), cell.source
