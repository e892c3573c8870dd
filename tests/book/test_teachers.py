"""The page for teachers: its plan names every chapter, its answers are worked out."""

import re
from math import exp, log
from pathlib import Path

from lib.tokens import bpe
from tools.address import chapters, read_notebook

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "teachers.md").read_text(encoding="utf-8")
ANSWERS = re.findall(r"\{dropdown\} Model answer\n(.+?)```", PAGE, re.DOTALL)


def test_the_map_and_both_plans_name_every_chapter():
    titles = [
        read_notebook(path).cells[0].source.split("\n")[0] for path in chapters(ROOT)
    ]
    numbered = [
        (int(p.name[:2]), t[2:]) for p, t in zip(chapters(ROOT), titles, strict=True)
    ]
    needs, plans = PAGE.split("## Two plans")
    plans = plans.split("## Ten questions")[0]
    columns = [row.split("|")[2:4] for row in plans.splitlines() if row.startswith("|")]
    for number, title in numbered:
        if number:
            assert f"| {number}. {title} |" in needs
            for plan in zip(*columns, strict=True):
                assert any(f"{number}. {title}" in cell for cell in plan), title


def test_the_map_needs_what_the_headers_need():
    """The chapters that a header links; the page before all of them goes unsaid."""
    for path in chapters(ROOT):
        header = read_notebook(path).cells[0].source
        linked = {int(n) for n in re.findall(r"/chapters/(\d+)_\w+\.html\)", header)}
        if number := int(path.name[:2]):
            row = re.search(rf"^\| {number}\. [^|]+\| ([^|]+) \|", PAGE, re.MULTILINE)
            assert row, f"the map has no chapter {number}"
            said = {int(n) for n in re.findall(r"\d+", row[1])}
            assert said == linked - {0}, (path.name, row[1])


def test_the_numbers_of_the_answers_are_worked_out():
    assert len(ANSWERS) == 10
    merges = bpe.learn_merges(bpe.count_words("low lower lowest"))
    assert next(merges) == ((ord("l"), ord("o")), 3)
    assert next(merges) == ((bpe.BYTES, ord("w")), 3)
    shares = [exp(score / 2) for score in (2, 0, 1)]
    assert [f"{share / sum(shares):.2f}" for share in shares] == [
        "0.51",
        "0.19",
        "0.31",
    ]
    bits = sum((1, 2, 3)) / 3
    floor = sum(-p * log(p, 2) for p in (1 / 2, 1 / 4, 1 / 8, 1 / 8))
    cache = 2 * 12 * 12 * 64 * 1024 * 2
    found = {
        2: ["0.51, 0.19\n   and 0.31", f"{sum(shares):.3f}"],
        3: [f"is {64**0.5:.0f}."],
        5: [f"{12 * 12 * 768**2:,}"],
        6: [f"{bits:.0f} bits", f"{bits * log(2):.3f}", f": {2**bits:.0f}."],
        7: [f"{floor:.2f} bits"],
        8: [f"{cache:,} bytes", f"{cache // 3:,} bytes"],
    }
    for question, numbers in found.items():
        for number in numbers:
            assert number in ANSWERS[question], (question + 1, number)
