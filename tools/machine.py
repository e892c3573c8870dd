"""What the record of a measurement says of the machine it was taken on."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path


def processor() -> str:
    """The name of the processor's model, as the system has it."""
    info = Path("/proc/cpuinfo")
    model = re.search(r"model name\s*: (.+)", info.read_text() if info.exists() else "")
    if model:
        return model[1].strip()
    return platform.processor() or platform.machine()


def machine(*packages: str) -> str:
    """Processor, cores, and the versions of Python and of the packages that matter."""
    versions = [f"{package} {version(package)}" for package in packages]
    python = f"Python {platform.python_version()}"
    return ", ".join([processor(), f"{os.cpu_count()} cores", python, *versions])
