"""Names where lines end: apart, as near as may be, and inside the picture."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.text import Text

from lib.plots.curves import compare_curves
from lib.plots.line_names import moved_apart
from lib.plots.style import use_style


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.floats(0.1, 1)), min_size=1, max_size=12)
)
def test_names_are_moved_apart_and_no_further(wanted):
    wanted.sort()
    middles, heights = zip(*wanted, strict=True)
    found = moved_apart(middles, heights)
    sides = [(m - h / 2, m + h / 2) for m, h in zip(found, heights, strict=True)]
    assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(sides))
    moves = [a - b for a, b in zip(found, middles, strict=True)]
    assert abs(sum(moves)) < 1e-9  # as far up as down
    for n, move in enumerate(moves):  # who moves has a neighbor that pushes
        if abs(move) > 1e-9:
            near = [abs(a[1] - b[0]) < 1e-9 for a, b in pairwise(sides)]
            assert any(near[max(n - 1, 0) : n + 1])


def test_names_of_two_lines_stand_clear_inside_the_picture():
    use_style()
    ax = compare_curves(
        {f"a long\nname {n}": ([1, 2], [3.0, 1.0 + n / 50]) for n in range(6)}
    )
    ax.figure.canvas.draw()
    boxes = [Text.get_window_extent(t) for t in ax.texts]  # without the ties
    assert all(box.x1 <= ax.figure.bbox.x1 for box in boxes)
    assert all(box.y1 <= ax.bbox.y1 + 4 for box in boxes)
    for n, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[n + 1 :])
    plt.close("all")
