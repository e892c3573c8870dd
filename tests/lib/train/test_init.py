"""The package: importing it costs no more than it must."""

import subprocess
import sys

import pytest

HEAVY = ["torch.distributed.tensor", "tensorboard", "sklearn", "ipywidgets"]
PROGRAM = """
import sys
{first}
print(*(name for name in {heavy} if name in sys.modules))
"""


@pytest.mark.processes
@pytest.mark.parametrize(
    "first",
    [
        "import lib.train, lib.train.__main__",
        "from lib.notebook import start; start()",
    ],
)
def test_what_is_heavy_is_imported_when_it_is_used(first):
    """In a process of its own, for this one has imported everything by now."""
    program = PROGRAM.format(first=first, heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
