"""Every picture in the book's style, and none left open."""

import pytest
from matplotlib import pyplot as plt

from lib.plots import use_style


@pytest.fixture(autouse=True)
def style():
    use_style()
    yield
    plt.close("all")
