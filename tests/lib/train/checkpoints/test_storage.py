"""Storage: what is written comes back, and a damaged folder is refused."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.train.checkpoints import storage

plain = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
)
trees = st.recursive(
    plain,
    lambda below: (
        st.lists(below)
        | st.tuples(below, below)
        | st.dictionaries(st.text(), below, max_size=3)
    ),
)
TENSORS = {
    "numbers": torch.tensor([0.1, math.inf, -0.0]),
    "one": torch.tensor(3, dtype=torch.uint8),
    "none": torch.zeros(0, 2),
    "half": torch.ones(2, 2, dtype=torch.bfloat16),
    "turned": torch.arange(6).view(2, 3).t(),
    "part": torch.arange(10)[2:5],
    "flags": torch.tensor([True, False]),
}


@given(trees)
def test_plain_values_come_back(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("run") / "step"
    storage.write(path, {"a": tree, "b": [tree]})
    assert storage.read(path) == {"a": tree, "b": [tree]}


def test_tensors_come_back_wherever_they_stand(tmp_path):
    storage.write(tmp_path / "step", {"a": {"b": [TENSORS, 1]}, "c": TENSORS["one"]})
    found = storage.read(tmp_path / "step")
    assert found["c"].equal(TENSORS["one"])
    for name, tensor in TENSORS.items():
        again = found["a"]["b"][0][name]
        assert again.dtype == tensor.dtype and again.equal(tensor), name


def test_a_tensor_with_two_names_is_stored_once(tmp_path):
    big = torch.rand(1000)
    storage.write(tmp_path / "step", {"a": {"one": big, "two": big.detach()}})
    assert 4000 < (tmp_path / "step" / "a.safetensors").stat().st_size < 4200
    found = storage.read(tmp_path / "step")["a"]
    assert found["one"].equal(big) and found["two"].equal(big)


@pytest.mark.parametrize("odd", [object(), {1: 2}, {"a": [1j]}, {1, 2}, {"$tensor": 1}])
def test_what_cannot_be_stored_is_named(tmp_path, odd):
    with pytest.raises(ValueError, match=r"part has .* at 'here.*cannot be stored"):
        storage.write(tmp_path / "step", {"part": {"here": odd}})
    assert not list(tmp_path.iterdir())


@pytest.fixture
def path(tmp_path):
    storage.write(tmp_path / "step", {"a": {"w": torch.rand(20)}, "b": "words"})
    return tmp_path / "step"


@pytest.mark.parametrize("file", ["run.json", "a.safetensors"])
def test_damage_anywhere_is_seen(path, file):
    data = (path / file).read_bytes()
    for place in range(0, len(data), 3):
        for damaged in (data[:place], data[:place] + b"~" + data[place + 1 :]):
            if damaged != data:
                (path / file).write_bytes(damaged)
                with pytest.raises(
                    ValueError, match="step is damaged or no checkpoint"
                ):
                    storage.read(path)
    (path / file).unlink()
    with pytest.raises(ValueError, match="No such file"):
        storage.read(path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": "x"}', "[" * 9999, "\xff"])
def test_another_kind_of_file_is_refused(path, content):
    (path / "run.json").write_text(content)
    with pytest.raises(ValueError, match="step is damaged or no checkpoint"):
        storage.read(path)


def test_an_error_leaves_nothing_under_the_name(path, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        storage.write(path.parent / "other", {"a": 1})
    assert not (path.parent / "other").exists()
    monkeypatch.undo()
    storage.remove_leftovers(path.parent, "other")
    assert list(path.parent.iterdir()) == [path]


def test_only_folders_of_the_very_names_are_found(tmp_path):
    for name in ("step-03", "step-03-best", "step-3x", "a-step-03", "step-10"):
        (tmp_path / name).mkdir()
    (tmp_path / "step-04").touch()
    (tmp_path / "step-05").symlink_to(tmp_path / "step-03")
    found = storage.find(tmp_path, r"step-\d+")
    assert [path.name for path in found] == ["step-03", "step-10"]
    assert storage.find(tmp_path / "nowhere", ".*") == []


def test_files_are_on_the_disk_before_the_folder_has_its_name(tmp_path, monkeypatch):
    done = []
    fsync, rename = storage.os.fsync, storage.Path.rename
    monkeypatch.setattr(storage.os, "fsync", lambda n: done.append("sync") or fsync(n))
    monkeypatch.setattr(
        storage.Path, "rename", lambda *a: done.append("rename") or rename(*a)
    )
    storage.write(tmp_path / "step", {"a": {"w": torch.rand(2)}})
    assert done == ["sync", "sync", "sync", "rename", "sync"]  # 2 files, 2 folders


def test_a_folder_is_removed_whole(path):
    storage.remove(path)
    assert not list(path.parent.iterdir())
