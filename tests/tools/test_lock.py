"""What is installed: pinned with all that comes with it, the same in both files."""

import re
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools.lock import HEAD, lock, normal

ROOT = Path(__file__).parents[2]
LOCKED = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
)
PINNED = dict(
    re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.txt").read_text(), re.M)
)


def test_the_constraints_say_what_the_requirements_say():
    assert "\n-c constraints.txt\n" in (ROOT / "requirements.txt").read_text()
    for name, pinned in PINNED.items():
        assert LOCKED[normal(name)] == pinned, name


def closure(names):
    """Packages with all that they ask for here, themselves included."""
    found, left = set(), list(names)
    while left:
        name = normal(left.pop())
        try:
            wanted = map(Requirement, requires(name) or [])
        except PackageNotFoundError:
            continue
        if name not in found:
            found.add(name)
            left += [
                w.name
                for w in wanted
                if not w.marker or w.marker.evaluate({"extra": ""})
            ]
    return found


def test_what_comes_with_them_is_there_too():
    """On this system; what another brings alone is left to pip."""
    needed = closure(PINNED)
    assert len(needed) > 150
    systems = {"pexpect", "ptyprocess"}
    missing = {
        n
        for n in needed
        if n not in LOCKED and not n.startswith(("nvidia", "cuda", "triton"))
    }
    assert missing <= systems


def test_what_is_locked_is_what_is_installed():
    def installed(name):
        try:
            return version(name).split("+")[0]
        except PackageNotFoundError:  # for another Python
            return LOCKED[name]

    wrong = {
        n: installed(n)
        for n in closure(PINNED) & LOCKED.keys()
        if installed(n) != LOCKED[n]
    }
    assert not wrong


def test_a_lock_has_names_and_versions_alone():
    frozen = "Zeta_b==1.0\ntorch==2.0+cpu\nnvidia-cublas==1\npywinpty==2\n"
    assert lock(frozen) == f"{HEAD}torch==2.0\nzeta-b==1.0\n"
    for line in LOCKED.items():
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+", "==".join(line)), line
    for wrong in ("a @ file:///wheels/a.whl", "-e git+https://example.org/a"):
        with pytest.raises(ValueError, match="expected NAME==VERSION"):
            lock(wrong)
