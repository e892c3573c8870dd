"""Writing: each token is drawn as predicted, and the same seed writes the same."""

import pytest
import torch

from lib.config import GPTConfig
from lib.gpt import GPT
from lib.sample import write

NEXT = torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])


def test_a_certain_table_is_followed():
    text = write(lambda ids: NEXT[ids].log(), torch.tensor([2, 0]), many=5, context=9)
    assert text.tolist() == [2, 0, 1, 2, 0, 1, 2]


def test_tokens_come_as_often_as_predicted():
    shares = torch.tensor([0.7, 0.2, 0.1])
    table = shares.log().expand(3, 3)
    text = write(lambda ids: table[ids], torch.tensor([0]), many=4000, context=1)
    found = torch.bincount(text, minlength=3) / len(text)
    torch.testing.assert_close(found, shares, atol=0.03, rtol=0)


def test_the_last_tokens_are_shown_and_no_more():
    seen = []

    def predict(ids):
        seen.append(ids[0].tolist())
        return NEXT[ids].log()

    write(predict, torch.tensor([0, 1, 2]), many=2, context=2)
    assert seen == [[1, 2], [2, 0]]


def test_a_model_writes_the_same_with_the_same_seed():
    torch.manual_seed(0)
    model = GPT(GPTConfig(vocab=11, context=8, width=16, layers=2, heads=2))
    one, same, other = (write(model, torch.tensor([3]), 20, 8, s) for s in (1, 1, 2))
    assert one.equal(same) and not one.equal(other)
    assert len(one) == 21 and not one.requires_grad


def test_no_token_to_begin_with_is_refused():
    with pytest.raises(ValueError, match="at least one token"):
        write(lambda ids: NEXT[ids], torch.tensor([], dtype=torch.long), 1, 1)
