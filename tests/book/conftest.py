"""What the tests of the site share: one build, and a browser for each file."""

import os
import warnings

import pytest

from tests.helpers.site import Build, built
from tools.chromium import HOW_TO_GET_ONE, chromium


@pytest.fixture(scope="session")
def build(tmp_path_factory) -> Build:
    """One build for all workers, in the temporary folder of the whole run."""
    own = tmp_path_factory.getbasetemp()
    return built(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(scope="module")
def browser():
    """Chromium, for one file alone: Playwright's event loop must not outlive it."""
    with chromium() as found:
        if found is None and os.environ.get("INSIDE_GPT_REQUIRE_BROWSER") == "1":
            pytest.fail(HOW_TO_GET_ONE, pytrace=False)
        if found is None:
            warnings.warn(HOW_TO_GET_ONE, stacklevel=1)  # said once, at the end
            pytest.skip("needs a browser")
        yield found
