"""What a run is made of, in a folder: tensors as safetensors, the rest as JSON.

A folder appears whole or not at all, whenever the process or the machine dies: it is
written under another name, brought to the disk, and then renamed. A SHA-256 guards each
file. Nothing is ever unpickled.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from safetensors import torch as safetensors
from torch import Tensor

FORMAT = "inside-gpt run 2"
INDEX = "run.json"
TENSOR = "$tensor"  # in the JSON, the name of a tensor that stood there
TUPLE = "$tuple"  # the items of a tuple that stood there

# Dicts with strings as keys, lists, tuples, tensors, strings, numbers, True, None.
Tree = Any


def write(path: Path, parts: Mapping[str, Tree]) -> None:
    """Write the folder `path`: run.json, and the tensors of each part in one file.

    Raises ValueError for a value that is neither a tensor nor has a place in JSON.
    """
    index = {"format": FORMAT, "parts": {}, "sha256": {}}
    files = {}
    for name, tree in parts.items():
        tensors: dict[str, Tensor] = {}
        index["parts"][name] = _take_tensors(tree, name, "", tensors)
        if tensors:
            files[f"{name}.safetensors"] = safetensors.save(tensors)
    index["sha256"] = {name: sha256(data).hexdigest() for name, data in files.items()}
    index["sha256"][INDEX] = _checksum(index)
    files[INDEX] = json.dumps(index).encode()
    _write_files(path, files)


def read(path: Path) -> dict[str, Tree]:
    """Read what `write` wrote.

    Raises ValueError when a file is missing, damaged or of another kind.
    """
    try:
        index = json.loads((path / INDEX).read_bytes())
        if not isinstance(index, dict) or index.get("format") != FORMAT:
            raise ValueError(f"{INDEX} is not of the format {FORMAT!r}")
        checksum = index["sha256"].pop(INDEX)
        if checksum != _checksum(index):
            raise ValueError(f"the checksum of {INDEX} is not that of its content")
        files = {name: _load(path / name, s) for name, s in index["sha256"].items()}
    except (OSError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged or no checkpoint: {error}") from error
    return {
        name: _put_tensors(tree, files.get(f"{name}.safetensors", {}))
        for name, tree in index["parts"].items()
    }


def remove(path: Path) -> None:
    """Remove a folder that `write` wrote; a half removed one never has its name."""
    hidden = _hidden(path, "old")
    path.rename(hidden)
    shutil.rmtree(hidden)


def find(folder: Path, name: str) -> list[Path]:
    """The folders in `folder` whose whole names match the regular expression `name`.

    They come in alphabetical order. Links are left out: what they lead to may be
    anyone's.
    """
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if re.fullmatch(name, path.name)]
    return sorted(path for path in found if path.is_dir() and not path.is_symlink())


def remove_leftovers(folder: Path, name: str) -> None:
    """Remove what writing or removing left in `folder` when the process was killed.

    Only folders that were to have a name like `name`, a regular expression.
    """
    for hidden in find(folder, rf"\.{name}-\d+\.(new|old)"):
        shutil.rmtree(hidden)


def _take_tensors(tree: Tree, part: str, name: str, tensors: dict[str, Tensor]) -> Tree:
    """The tree with names for tensors, which go into `tensors`, shared ones once."""
    if isinstance(tree, Tensor):
        name = next((n for n, known in tensors.items() if _same(known, tree)), name)
        tensors.setdefault(name, tree.contiguous())
        return {TENSOR: name}
    if isinstance(tree, tuple):
        return {TUPLE: _take_tensors(list(tree), part, name, tensors)}
    if isinstance(tree, Mapping) and all(map(_is_plain_key, tree)):
        below = {key: f"{name}.{key}".lstrip(".") for key in tree}
        return {k: _take_tensors(tree[k], part, n, tensors) for k, n in below.items()}
    if isinstance(tree, list):
        items = enumerate(tree)
        return [_take_tensors(item, part, f"{name}.{n}", tensors) for n, item in items]
    if tree is None or isinstance(tree, str | bool | int | float):
        return tree
    raise ValueError(f"{part} has {tree!r} at {name!r}, which cannot be stored")


def _put_tensors(tree: Tree, tensors: Mapping[str, Tensor]) -> Tree:
    """The tree with its tensors back in their places."""
    if isinstance(tree, list):
        return [_put_tensors(item, tensors) for item in tree]
    if not isinstance(tree, dict):
        return tree
    if tree.keys() == {TENSOR}:
        return tensors[tree[TENSOR]]
    if tree.keys() == {TUPLE}:
        return tuple(_put_tensors(tree[TUPLE], tensors))
    return {key: _put_tensors(item, tensors) for key, item in tree.items()}


def _is_plain_key(key: Any) -> bool:
    return isinstance(key, str) and key not in (TENSOR, TUPLE)


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are one piece of memory, as tied weights are."""
    place = one.data_ptr() == other.data_ptr() and one.numel() > 0
    return place and one.shape == other.shape and one.dtype == other.dtype


def _write_files(path: Path, files: Mapping[str, bytes]) -> None:
    fresh = _hidden(path, "new")
    fresh.mkdir(parents=True)
    for name, data in files.items():
        with (fresh / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    _sync(fresh)
    fresh.rename(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system knows of that."""
    with suppress(PermissionError):  # Windows opens no folders
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _hidden(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}-{os.getpid()}.{kind}")


def _load(path: Path, expected: str) -> dict[str, Tensor]:
    data = path.read_bytes()
    if sha256(data).hexdigest() != expected:
        raise ValueError(f"the checksum of {path.name} is not that of its content")
    return safetensors.load(data)


def _checksum(index: Mapping[str, Any]) -> str:
    return sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()
