"""Neighbors: cosines, the nearest words, groups and the map, beside slow versions."""

import math

import pytest
import torch

from lib import vectors

TEXT = torch.randint(6, (500,), generator=torch.Generator().manual_seed(1))


def test_co_occurrence_equals_a_loop():
    expected = torch.zeros(6, 6)
    for here in range(len(TEXT)):
        for there in range(max(0, here - 3), min(len(TEXT), here + 4)):
            if here != there:
                expected[TEXT[here], TEXT[there]] += 1
    assert torch.equal(vectors.co_occurrence(TEXT, 6, window=3), expected)


def test_cosines_equal_torchs():
    a, b = torch.randn(3, 5), torch.randn(4, 5)
    expected = torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=-1)
    torch.testing.assert_close(vectors.cosines(a, b), expected)
    assert not vectors.cosines(torch.zeros(1, 5), b).any()


def test_the_nearest_are_the_nearest_without_the_word_itself():
    table = torch.tensor([[1.0, 0.0], [2.0, 0.2], [0.0, 1.0], [-1.0, 0.0]])
    found = vectors.nearest(table, 0, k=3)
    assert [word for word, _ in found] == [1, 2, 3]
    cosines = [cosine for _, cosine in found]
    assert cosines == pytest.approx([2 / math.hypot(2, 0.2), 0, -1])
    with pytest.raises(ValueError, match=r"k must lie in 0\.\.3, got 4"):
        vectors.nearest(table, 0, k=4)


def test_a_word_finds_its_group_or_not():
    alike = torch.tensor([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]])
    found = vectors.finds_its_group(alike, ["a", "a", "b"])
    assert found == [True, True, False]
    with pytest.raises(ValueError, match=r"2 groups do not fit .* \(3, 3\)"):
        vectors.finds_its_group(alike, ["a", "b"])


def test_the_map_keeps_what_lies_in_a_plane():
    plane = torch.randn(20, 2) @ torch.randn(2, 7) + torch.randn(7)
    places, kept = vectors.flatten_to_map(plane)
    assert kept == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(
        torch.cdist(places, places), torch.cdist(plane, plane), atol=1e-3, rtol=1e-3
    )
    torch.testing.assert_close(places.mean(0), torch.zeros(2), atol=1e-5, rtol=0)


def test_the_map_is_the_plane_of_the_largest_variance():
    cloud = torch.randn(200, 5) * torch.tensor([5.0, 1, 3, 1, 1])
    places, kept = vectors.flatten_to_map(cloud)
    variances = torch.linalg.eigvalsh(cloud.T.cov()).flip(0)
    torch.testing.assert_close(places.var(0), variances[:2], rtol=1e-4, atol=1e-4)
    assert kept == pytest.approx((variances[:2].sum() / variances.sum()).item(), 1e-4)
