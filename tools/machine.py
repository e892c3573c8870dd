"""What the record of a measurement says of the machine it was taken on."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path


def processor() -> str:
    """The name of the processor, with what tells its generations apart on Linux."""
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.exists() else ""
    lines = re.findall(r"^(model name|cpu family|model)\s*: (.+)$", text, re.MULTILINE)
    found = dict(lines)
    if "model name" not in found:
        return platform.processor() or platform.machine()
    generation = [
        f"{key} {found[key]}" for key in ("cpu family", "model") if key in found
    ]
    return " ".join([found["model name"].strip(), f"({', '.join(generation)})"])


def machine(*packages: str) -> str:
    """Processor, cores, GPU, and the versions of Python and of what matters.

    A GPU is named where "torch" is among the packages and can use one.
    """
    versions = [f"{package} {version(package)}" for package in packages]
    python = f"Python {platform.python_version()}"
    cores = f"{os.cpu_count()} cores"
    return ", ".join([processor(), cores, *_cards(packages), python, *versions])


def _cards(packages: tuple[str, ...]) -> list[str]:
    if "torch" not in packages:
        return []
    import torch  # most measurements have it loaded already

    return [torch.cuda.get_device_name()] if torch.cuda.is_available() else []
