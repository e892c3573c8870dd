"""Comparisons, one a file: `python -m benchmarks.NAME` measures and stores figures."""

import json
import re
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from tools.machine import machine, processor

RESULTS = Path("benchmarks/results")


class Target(NamedTuple):
    """A figure that must be at least, or at most, some bound."""

    name: str
    figure: float
    bound: float
    unit: str
    at_most: bool = False

    def met(self) -> bool:
        if self.at_most:
            return self.figure <= self.bound
        return self.figure >= self.bound

    def __str__(self) -> str:
        side = "at most" if self.at_most else "at least"
        return (
            f"{self.name}: {self.figure:.3g} {self.unit} (target {side} {self.bound:g})"
        )


def conclude(
    name: str,
    figures: dict,
    targets: Sequence[Target],
    packages: Sequence[str],
    by_processor: bool = False,
) -> None:
    """Store the figures, print a line for each target; --check exits 1 on a miss.

    With `by_processor` the file keeps one record for each processor that was measured.
    A result of speed needs it.
    """
    record = {
        "command": f"python -m benchmarks.{name}",
        "date": date.today().isoformat(),
        "figures": figures,
        "machine": machine(*packages),
        "targets": [str(target) for target in targets],
    }
    path = RESULTS / f"{name}.json"
    stored = record
    if by_processor:
        stored = {"by_processor": _others(path) | {processor(): record}}
    RESULTS.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n")
    print(*record["targets"], sep="\n")
    if "--check" in sys.argv[1:] and not all(target.met() for target in targets):
        sys.exit(1)


def _others(path: Path) -> dict[str, dict]:
    """The records of other processors in a file, which may be older than this form.

    An older record may name this processor without its generation: it is replaced.
    """
    if not path.exists():
        return {}
    stored = json.loads(path.read_text())
    if "by_processor" not in stored:
        named = re.match(r"(.+?), \d+ cores", stored["machine"])
        stored = {"by_processor": {named[1] if named else "unknown": stored}}
    here = processor()
    records = stored["by_processor"].items()
    return {name: record for name, record in records if not here.startswith(name)}
