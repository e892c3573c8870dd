"""A local Sphinx extension: tables of what was measured, made from the stored records.

The directive `run-times` lists the notebooks under a folder with the seconds that each
takes; `comparisons` lists the stored results of `benchmarks/`.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import library as lib
from docutils import nodes
from reference_pages import Nodes, code, note_sources, place_link, table, words
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class RunTimes(SphinxDirective):
    """A row for each notebook of a folder, from `benchmarks/results/chapters.json`."""

    required_arguments = 1

    def run(self) -> Nodes:
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
        rows = [self.row(name, record, root) for name, record in chosen.items()]
        head = ["notebook", "seconds, date"]
        return [table(head, rows), machines(chosen.values())]

    def row(self, name: Path, record: dict, root: Path) -> Nodes:
        """Notebook and the sections in which it trains; seconds, date."""
        page = name.with_suffix("").as_posix()
        cell = nodes.paragraph("", "", place_link(chapter=page, heading=""))
        for heading in training_sections(root / name, self.env.app.library[0]):
            cell += nodes.Text(", " if len(cell) > 1 else " trains a model in ")
            cell += place_link(chapter=page, heading=heading, short=True)
        seconds = nodes.paragraph("", str(record["seconds"]))
        date = nodes.paragraph("", record["date"], classes=["date"])
        return [cell, nodes.container("", seconds, date)]


def training_sections(path: Path, files: dict[str, lib.File]) -> list[str]:
    """The headings under which a notebook calls `train`, in their order."""
    calls = lib.mentions(path, files)
    return list(dict.fromkeys(h for n, h, _ in calls if n == "lib.train.loop.train"))


class Comparisons(SphinxDirective):
    """A row for each stored result of a benchmark."""

    def run(self) -> Nodes:
        """What it asks, its command, the day, its targets; the machines below."""
        root = Path(self.env.srcdir) / "benchmarks"
        results, rows = dict(stored(root)), []
        for path, result in results.items():
            script = root / f"{path.stem}.py"
            self.env.note_dependency(str(path))
            self.env.note_dependency(str(script))
            asks = ast.get_docstring(ast.parse(script.read_text())).splitlines()[0]
            asked = words(asks, str)
            command = nodes.paragraph("", "", nodes.literal("", result["command"]))
            lines = [nodes.paragraph("", line) for line in result.get("targets", [])]
            shown = nodes.bullet_list("", *(nodes.list_item("", x) for x in lines))
            rows.append(
                [
                    nodes.container("", nodes.paragraph("", "", *asked), command),
                    nodes.container("", shown, nodes.paragraph("", result["date"])),
                ]
            )
        head = ["comparison and command", "what it was to show"]
        return [table(head, rows), machines(results.values())]


def stored(root: Path) -> Iterator[tuple[Path, dict]]:
    """Stored results by path; the record of the chapters is none of a benchmark."""
    for path in sorted((root / "results").glob("*.json")):
        result = json.loads(path.read_text())
        if "by_processor" in result:
            result = together(result["by_processor"])
        if "command" in result:
            yield path, result


def together(by_processor: dict[str, dict]) -> dict:
    """One record of several processors': the latest, with the targets of all."""
    latest = max(by_processor.values(), key=lambda record: record["date"])
    targets = [
        f"{processor}: {line}"
        for processor, record in by_processor.items()
        for line in record["targets"]
    ]
    return {**latest, "targets": targets}


def machines(records) -> nodes.Node:
    """Each machine once, in the order of the records."""
    listed = list(dict.fromkeys(record["machine"] for record in records))
    text = "\n".join(["Machine:" if len(listed) == 1 else "Machines:", *listed])
    return code(text, "text")


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.add_directive("run-times", RunTimes)
    app.add_directive("comparisons", Comparisons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
