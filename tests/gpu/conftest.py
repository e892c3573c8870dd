"""The same tests on the CPU, in every run, and on a GPU where there is one."""

import pytest
import torch


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """Where the test works; what it compares with is always worked out on the CPU."""
    return torch.device(request.param)
