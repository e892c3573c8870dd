"""Every page on a dark ground, on a wide screen and on a phone: no fault, no script.

The other half of `test_pages_light.py`, so that two workers open pages at once.
"""

from pathlib import Path

import pytest

from tests.helpers.browser import KINDS, VIEWS
from tests.helpers.site import PAGES, Visits, faults_of, opened


@pytest.fixture(scope="module")
def visits(browser, build) -> Visits:
    """Every page in the two views that are dark."""
    return opened(browser, build.folder, [view for view in VIEWS if view[0] == "dark"])


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_no_fault(kind, page, visits):
    assert not faults_of(kind, visits[page])


def test_icons_need_no_script(visits):
    views = [visit for by_view in visits.values() for visit in by_view.values()]
    names = set().union(*(visit.loaded for visit in views))
    assert {Path(name).suffix for name in names if "fontawesome" in name} == {".woff2"}
