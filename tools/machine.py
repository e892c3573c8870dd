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
