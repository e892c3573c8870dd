"""Diagrams: the library's names, the page's color, and what a screen reader hears."""

import math
import re

import pytest

from lib.plots import diagrams


def test_diagrams_take_the_pages_color_and_say_what_they_show():
    page = diagrams.multi_head_attention().data
    assert 'role="img"' in page and 'aria-label="Diagram: x goes' in page
    assert not re.search(r"#[0-9a-f]{3,6}|rgb|black|white", page)
    for name in ("to_query", "to_key", "to_value", "split_heads", "to_output"):
        assert page.count(f">{name}</text>") == 1
    for name in ("softmax", "mask", "weights @ v"):
        assert page.count(f">{name}</text>") == 3  # of the heads, three are drawn


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


def test_the_diagram_of_turning_keeps_the_angle():
    page = diagrams.turning().data
    assert 'role="img"' in page and 'aria-label="Diagram: two circles' in page
    assert not re.search(r"#[0-9a-f]{3,6}|rgb|black|white", page)
    ends = re.findall(r'd="M(\d+) (\d+)L(\d+) (\d+)" stroke', page)
    angles = [math.atan2(int(y) - int(b), int(a) - int(x)) for x, y, a, b in ends]
    first_q, first_k, second_q, second_k = angles
    assert first_q - first_k == pytest.approx(0.8, abs=0.03)
    assert (second_q - second_k) % math.tau == pytest.approx(0.8, abs=0.03)
    assert (second_q - first_q) % math.tau == pytest.approx(1.8, abs=0.03)


def test_the_diagram_of_the_cache_has_one_new_column():
    page = diagrams.key_value_cache().data
    assert 'role="img"' in page and 'aria-label="Diagram: six tokens' in page
    assert not re.search(r"#[0-9a-f]{3,6}|rgb|black|white", page)
    boxes = re.findall(r'stroke-width="(2.5|1)"/><text [^>]+>(\w)<', page)
    for name in "kv":  # in each row five are kept and one is new
        assert [w for w, text in boxes if text == name] == ["1"] * 5 + ["2.5"]
    assert [w for w, text in boxes if text == "q"] == ["2.5"]  # none is kept


def test_an_arrow_must_lead_somewhere():
    with pytest.raises(ValueError, match=r"one stays at \(3, 4\)"):
        diagrams.picture([], [(3, 4, 3, 4, "")], (9, 9), "label")
