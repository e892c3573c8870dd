"""Neighbors: cosines, the nearest words, groups and the map, beside slow versions."""

import inspect
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


# --- other precision, and bad input


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_neighbors_in_other_precision_are_those_of_the_rounded_numbers(dtype):
    table = torch.randn(9, 5, generator=torch.Generator().manual_seed(0)).to(dtype)
    table[3] = 0
    exact = table.to(torch.promote_types(dtype, torch.float32))
    assert vectors.cosines(table, table).equal(vectors.cosines(exact, exact))
    assert not vectors.cosines(table[3:4], table).any()
    assert vectors.nearest(table, 2, k=4) == vectors.nearest(exact, 2, k=4)
    assert vectors.flatten_to_map(table)[0].equal(vectors.flatten_to_map(exact)[0])


def test_neighbors_under_autocast_are_nearly_the_same():
    table = torch.randn(9, 5, generator=torch.Generator().manual_seed(0))
    exact = vectors.cosines(table, table)
    places, kept = vectors.flatten_to_map(table)
    with torch.autocast("cpu", torch.bfloat16):
        found = vectors.cosines(table, table).float()
        others, also_kept = vectors.flatten_to_map(table)
        assert len(vectors.nearest(table, 2, k=3)) == 3
    torch.testing.assert_close(found, exact, atol=0.02, rtol=0)
    torch.testing.assert_close(others.float(), places, atol=0.05, rtol=0.02)
    assert also_kept == pytest.approx(kept)


ONES = torch.ones(3, 2)
ODD = [
    (lambda: vectors.nearest(ONES, 5, 1), r"word must lie in 0\.\.2, got 5"),
    (lambda: vectors.nearest(ONES, -1, 1), r"word must lie in 0\.\.2, got -1"),
    (lambda: plain(vectors.nearest)(ONES, "king", 1), "word must .* got 'king'"),
    (lambda: plain(vectors.nearest)(ONES, 0, 1.5), r"k must lie in 0\.\.2, got 1.5"),
    (
        lambda: plain(vectors.cosines)(ONES, torch.ones(2, 4)),
        "must have one width",
    ),
    (lambda: plain(vectors.cosines)(ONES[0], ONES), r"a must be .* got .* \(2,\)"),
    (lambda: plain(vectors.cosines)(ONES, ONES.long()), "b must be decimal numbers"),
    (lambda: plain(vectors.cosines)([[1.0]], ONES), "a must be a tensor, got list"),
    (lambda: vectors.co_occurrence(TEXT, 5, 1), r"ids must lie in 0\.\.4, got 0\.\.5"),
    (lambda: vectors.co_occurrence(TEXT, 6, 0), "window must be a whole number above"),
    (lambda: vectors.finds_its_group(ONES[:1, :1], ["a"]), "groups must be .* 2 words"),
    (lambda: vectors.flatten_to_map(ONES), "vectors must .* be different"),
    (lambda: vectors.flatten_to_map(ONES[:1]), "vectors must .* be different"),
    (lambda: vectors.flatten_to_map(torch.rand(3, 1)), "vectors must have width 2"),
]
plain = inspect.unwrap


@pytest.mark.parametrize("ask, says", ODD)
def test_odd_input_gets_a_sentence(ask, says):
    with pytest.raises(ValueError, match=says):
        ask()
