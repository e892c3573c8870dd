"""Diagrams: the library's names, the page's color, and what a screen reader hears."""

import re

import pytest

from lib.plots import diagrams


def test_diagrams_take_the_pages_color_and_say_what_they_show():
    page = diagrams.multi_head_attention().data
    assert 'role="img"' in page and 'aria-label="Diagram: x goes' in page
    assert not re.search(r"#[0-9a-f]{3,6}|rgb|black|white", page)
    for name in ("to_query", "to_key", "to_value", "to_output", "softmax", "mask"):
        assert f">{name}</text>" in page


@pytest.mark.parametrize("name", ["block", "gpt"])
def test_diagrams_of_chapter_4_have_the_librarys_names(name):
    page = getattr(diagrams, name)().data
    assert 'role="img"' in page and 'aria-label="Diagram: ' in page
    assert not re.search(r"#[0-9a-f]{3,6}|rgb|black|white", page)
    names = {
        "block": ("norm", "MultiHeadAttention", "SwiGLU"),
        "gpt": ("embed", "blocks[0]", "norm", "unembed"),
    }
    for box in names[name]:
        assert f">{box}</text>" in page
    assert "batch, time, width" in page


def test_the_diagram_of_training_names_its_parts():
    page = diagrams.training().data
    assert 'role="img"' in page and 'aria-label="Diagram: batches' in page
    assert not re.search(r"#[0-9a-f]{3,6}|rgb|black|white", page)
    for name in ("batches", "model", "objective", "clip", "optimizer", "schedule"):
        assert f">{name}</text>" in page


def test_an_arrow_must_lead_somewhere():
    with pytest.raises(ValueError, match=r"one stays at \(3, 4\)"):
        diagrams.draw([], [(3, 4, 3, 4, "")], (9, 9), "label")
