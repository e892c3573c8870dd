"""Word maps: each word beside its place, and none on another."""

import pytest
import torch

from lib import plots


def test_each_word_stands_beside_its_place_and_none_covers_another():
    turn = torch.linspace(0, 6, 12)
    places = torch.stack([turn.cos(), turn.sin()], dim=1)
    words = [f"word{n}" for n in range(12)]
    ax = plots.word_map(places, words, ["odd", "even"] * 6, "title")
    ax.figure.canvas.draw()
    assert [line.get_marker() for line in ax.lines] == ["o", "s"]
    assert ax.get_legend_handles_labels()[1] == ["odd", "even"]
    assert ax.lines[0].get_xydata().tolist() == places[::2].tolist()
    assert [tuple(t.xy) for t in ax.texts] == [tuple(p) for p in places.tolist()]
    boxes = [t.get_window_extent() for t in ax.texts]
    for n, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[n + 1 :])


def test_words_without_places_are_refused():
    with pytest.raises(ValueError, match="2 words do not fit 3 places, 2 groups"):
        plots.word_map(torch.zeros(3, 2), ["a", "b"], ["x", "y"])
