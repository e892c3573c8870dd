"""Every page on a light ground, wide and on a phone: no fault, not heavy."""

import pytest

from tests.helpers.browser import KINDS, VIEWS
from tests.helpers.site import PAGES, Visits, faults_of, loads, opened, table

FIRST = 1500  # kilobytes, every figure of a page counted
NEXT = 800


@pytest.fixture(scope="module")
def visits(browser, build) -> Visits:
    """Every page in the two views that are light."""
    return opened(browser, build.folder, [view for view in VIEWS if view[0] == "light"])


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_no_fault(kind, page, visits):
    assert not faults_of(kind, visits[page])


def test_pages_are_light(visits, build, record_property):
    """Each page with all that it loads, and the next one.

    The page before may be the one before it in the book, or the front page.
    """
    rows = loads(visits, build.folder)
    record_property("table", table(rows))
    assert max(first for first, *_ in rows.values()) <= FIRST
    assert max(max(after) for _, *after, _ in rows.values()) <= NEXT
