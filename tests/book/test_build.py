"""The one build of a run: the first makes it, and one broken off is made again."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.helpers.site import built

pytestmark = pytest.mark.processes
# It is told the folder, notes there that it began, and takes its time.
PROGRAM = """
import pathlib, sys, time
pages = pathlib.Path(sys.argv[1], "_build", "html")
pages.mkdir(parents=True, exist_ok=True)
with open(pages / "begun", "a") as file:
    file.write("x")
time.sleep(1)
print("well done")
"""
COMMAND = (sys.executable, "-c", PROGRAM)


def test_two_that_ask_at_once_get_the_same_build(tmp_path):
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: built(tmp_path, COMMAND), range(2))
    for done, folder, seconds in (one, other):
        assert (done.returncode, done.stdout) == (0, "well done\n")
        assert (folder / "begun").read_text() == "x"
        assert seconds >= 1
    assert built(tmp_path, ("no such program",)).folder == one.folder


def test_a_build_that_was_broken_off_is_made_again(tmp_path):
    (tmp_path / "site" / "_build").mkdir(parents=True)  # so far it came
    with pytest.raises(FileNotFoundError):
        built(tmp_path, ("no such program",))
    done, folder, _ = built(tmp_path, COMMAND)
    assert done.returncode == 0 and (folder / "begun").exists()


def test_how_a_build_failed_is_told_to_all(tmp_path):
    fails = (sys.executable, "-c", "print('no'); raise SystemExit(3)")
    for _ in range(2):
        done = built(tmp_path, fails).done
        assert (done.returncode, done.stdout) == (3, "no\n")
