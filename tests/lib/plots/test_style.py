"""The style: the sheet beside the code, whatever was set before."""

from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from lib.plots import style


def test_every_setting_of_the_sheet_holds():
    """Also where a reader's own style came first."""
    sheet = Path(style.__file__).with_name("book.mplstyle")
    settings = mpl.rc_params_from_file(sheet, use_default_template=False)
    assert len(settings) > 20
    plt.style.use("dark_background")
    style.use_style()
    assert {name: plt.rcParams[name] for name in settings} == dict(settings)


def test_figures_are_shown_at_twice_the_pixels(monkeypatch):
    asked = []
    monkeypatch.setattr(style, "set_matplotlib_formats", asked.append)
    style.use_style()
    assert asked == ["retina"]
