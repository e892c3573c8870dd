"""A local Sphinx extension: tables of what was measured, made from the stored records.

The directive `run-times` lists the notebooks under a folder with the seconds that each
takes; `comparisons` lists the stored results of `benchmarks/`.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from tools import library as lib
from tools.reference_pages import note_sources


class RunTimes(SphinxDirective):
    """A row for each notebook of a folder, from `benchmarks/results/chapters.json`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The table, and a sentence on the machines that it was measured on."""
        root = Path(self.env.srcdir)
        path = root / "benchmarks" / "results" / "chapters.json"
        self.env.note_dependency(str(path))
        note_sources(self.env)
        records = {
            Path(name): record for name, record in json.loads(path.read_text()).items()
        }
        folder = Path(self.arguments[0])
        chosen = {  # a handout has no solutions
            name: record
            for name, record in records.items()
            if name.parent == folder and (root / name).exists()
        }
        if not chosen:
            return []
        rows = [[notebook(root, name), when(chosen[name])] for name in chosen]
        text = table(["notebook", "seconds, date"], rows) + machines(chosen.values())
        return self.parse_text_to_nodes(text)


def notebook(root: Path, path: Path) -> str:
    """Its page, and the sections in which it trains."""
    page = path.with_suffix("").as_posix()
    headings = [f"{{section}}`{page}#{h}`" for h in training_sections(root / path)]
    trains = f" trains a model in {', '.join(headings)}" if headings else ""
    return f"{{chapter}}`{page}`{trains}"


def when(record: dict) -> str:
    """Seconds and date of a run."""
    return f"{record['seconds']}<br><span class='date'>{record['date']}</span>"


def training_sections(path: Path) -> list[str]:
    """The headings under which a notebook trains a model, in their order."""
    calls = lib.mentions(path)
    trains = ("lib.train.loop.train", "lib.train.recipes.short_run")
    return list(dict.fromkeys(h for n, h, _ in calls if n in trains))


class Comparisons(SphinxDirective):
    """A row for each stored result of a benchmark."""

    def run(self) -> list[nodes.Node]:
        """What it asks, its command, the day, its targets; the machines below."""
        root = Path(self.env.srcdir) / "benchmarks"
        results = dict(stored(root))
        rows = []
        for path, result in results.items():
            script = root / f"{path.stem}.py"
            self.env.note_dependency(str(path))
            self.env.note_dependency(str(script))
            asks = first_line(script)
            shown = "".join(f"<li>{line}</li>" for line in result.get("targets", []))
            shown = f"<ul>{shown}</ul>" if shown else ""
            rows.append(
                [f"{asks}<br>`{result['command']}`", f"{shown}{result['date']}"]
            )
        head = ["comparison and command", "what it was to show"]
        text = table(head, rows) + machines(results.values())
        return self.parse_text_to_nodes(text)


def first_line(script: Path) -> str:
    """The first line of a script's docstring, which it must have."""
    docstring = ast.get_docstring(ast.parse(script.read_text()))
    if docstring is None:
        raise ValueError(f"{script} has no docstring")
    return docstring.splitlines()[0]


def stored(root: Path) -> Iterator[tuple[Path, dict]]:
    """Stored results by path; the record of the chapters is none of a benchmark."""
    for path in sorted((root / "results").glob("*.json")):
        result = json.loads(path.read_text())
        if "by_processor" in result:
            result = together(result["by_processor"])
        if "command" in result:
            yield path, result


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def together(by_processor: dict[str, dict]) -> dict:
    """One record of several processors': the latest, with the targets of all."""
    latest = max(by_processor.values(), key=lambda record: record["date"])
    targets = [
        f"{processor}: {line}"
        for processor, record in by_processor.items()
        for line in record["targets"]
    ]
    return {**latest, "targets": targets}


def machines(records) -> str:
    """Each machine once, in the order of the records."""
    listed = list(dict.fromkeys(record["machine"] for record in records))
    lines = ["Machine:" if len(listed) == 1 else "Machines:", *listed]
    return "\n```text\n{}\n```\n".format("\n".join(lines))


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_directive("run-times", RunTimes)
    app.add_directive("comparisons", Comparisons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
