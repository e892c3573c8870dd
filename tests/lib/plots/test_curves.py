"""Curves: their lines, and the names on them."""

from lib import plots
from lib.plots.colors import readable


def test_the_loss_curve_names_its_lines():
    ax = plots.loss_curve(
        [3.0, 2.0, 1.0],
        held_out=[(0, 3.1), (2, 1.2)],
        baselines={"bigram": 2.5},
        floors={"entropy": 0.5},
        band=(0.9, 1.3),
    )
    assert {t.get_text() for t in ax.texts} == {"held-out", "bigram", "entropy"}
    training, held_out, baseline, floor = ax.lines
    assert training.get_ydata().tolist() == [3, 2, 1]
    assert list(held_out.get_xdata()) == [0, 2]
    assert (baseline.get_linestyle(), floor.get_linestyle()) == ("--", ":")
    assert len(ax.patches) == 1
    assert "nats" in ax.get_ylabel()


def test_the_names_of_the_loss_curve_keep_clear_of_each_other():
    runs = {"held_out": [(0, 3.0), (1, 1.8)], "floors": {"floor": 1.7}}
    for level, up in ((1.9, -16), (2.5, 6), (1.5, 6)):
        ax = plots.loss_curve([3.0, 2.0], baselines={"4-gram": level}, **runs)
        names = {t.get_text(): t for t in ax.texts}
        assert names["held-out"].xyann == (0, up)
        assert names["floor"].get_ha() == "left"
        passed = level > 1.8  # else the curve is in the way on the right
        assert names["4-gram"].get_ha() == ("right" if passed else "left")


def test_the_loss_curve_can_look_closer():
    ax = plots.loss_curve([3.0, 2.0], per="word", ylim=(1.5, 2.5))
    assert ax.get_ylabel() == "loss (nats per word)"
    assert ax.get_ylim() == (1.5, 2.5)


def test_the_mean_of_the_last_losses():
    assert plots.smooth([4.0, 2.0, 0.0, 6.0], span=2) == [4, 3, 1, 3]
    assert plots.smooth([], span=5) == []


def test_curves_have_their_names_at_their_ends():
    runs = {"whole": ([1, 2], [3.0, 1.0]), "cut": ([1, 2], [3.0, 1.01])}
    ax = plots.compare_curves(runs, "title", baselines={"bigram": 2.5})
    whole, cut, baseline = ax.lines
    assert whole.get_color() == "C0" and cut.get_ydata().tolist() == [3, 1.01]
    assert baseline.get_linestyle() == "--"
    names = {t.get_text(): t for t in ax.texts}
    assert set(names) == {"whole", "cut", "bigram"}
    assert names["cut"].xyann[1] - names["whole"].xyann[1] > 0.05  # one above the other
    assert (names["cut"].xy[1], names["whole"].xy[1]) == (1.01, 1.0)  # tied to its end
    assert names["cut"].arrow_patch and not names["bigram"].arrow_patch
    assert names["cut"].get_color() == readable("C1")
