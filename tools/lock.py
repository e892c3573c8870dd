"""Write `constraints.txt`: the version of every package that the book installs.

    python -m tools.lock

To be run in an environment fresh from `requirements.txt`, which names what the book
asks for itself; the constraints add what comes with it, so that the same is installed
next year. What exists for some systems alone is left to pip.
"""

import re
import subprocess
import sys
from pathlib import Path

HEAD = """\
# Every package that requirements.txt brings, made by `python -m tools.lock`.
# Left to pip: what is for one system alone, and what a newer Python no longer needs.
"""
# Brought on one system or for one Python: the same version may not exist on another.
SYSTEM = re.compile(
    r"nvidia-|cuda-|triton|appnope|pywin|colorama|pexpect|ptyprocess|uvloop"
)


def normal(name: str) -> str:
    """A package's name as every tool writes it."""
    return re.sub(r"[-_.]+", "-", name.lower())


def lock(frozen: str) -> str:
    """The constraints for what `pip freeze` lists; ValueError for what has no version.

    A local version, such as that of a CPU build of torch, exists on one index alone.
    """
    lines = []
    for line in frozen.splitlines():
        name, pinned, version = line.partition("==")
        if not pinned:
            raise ValueError(f"expected NAME==VERSION on each line, got {line!r}")
        if not SYSTEM.match(normal(name)):
            lines.append(f"{normal(name)}=={version.split('+')[0]}\n")
    return HEAD + "".join(sorted(lines))


def main() -> None:
    """Freeze this environment."""
    command = [sys.executable, "-m", "pip", "freeze", "--all", "--exclude", "pip"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    Path("constraints.txt").write_text(lock(done.stdout), encoding="utf-8")


if __name__ == "__main__":
    main()
