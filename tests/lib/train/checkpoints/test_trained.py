"""What a run made: its GPT and tokenizer come back; what cannot write is refused."""

from dataclasses import replace

import pytest
import torch

from lib.model.encoder import Encoder
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.tokens.word_tokenizer import WordTokenizer
from lib.train import Checkpoint, adamw, list_checkpoints, load_gpt, train, windows
from lib.train.checkpoints import storage
from tests.helpers.runs import CONFIG, TEXT, At, batches, make, run, same

LETTERS = CharacterTokenizer("abcdefg")
PAIRS = BytePairTokenizer([(97, 98)], ["<|endoftext|>"])


def as_before(folder):
    """Make the newest checkpoint one of those that did not keep their tokenizer."""
    path = list_checkpoints(folder)[-1]
    parts = storage.read(path)
    del parts["tokenizer"], parts["kind"]
    storage.remove(path)
    storage.write(path, parts)


class Wrapped(torch.nn.Module):
    """As `torch.compile` wraps a model."""

    def __init__(self, model):
        super().__init__()
        self._orig_mod = model

    def forward(self, ids):
        return self._orig_mod(ids)


def fail(run):
    raise RuntimeError("failed on purpose")


@pytest.mark.parametrize("tokenizer", [LETTERS, PAIRS], ids=["letters", "pairs"])
def test_model_and_tokenizer_come_back(tmp_path, tokenizer):
    config = replace(CONFIG, vocab=len(tokenizer), dropout=0.1, tied=False)
    model, _, _ = run(Checkpoint(tmp_path, tokenizer=tokenizer), config=config)
    found = load_gpt(str(tmp_path))
    assert type(found.model) is GPT and type(found.tokenizer) is type(tokenizer)
    assert found.model.config == config and not found.model.training
    assert found.tokenizer.tokens == tokenizer.tokens and found.step == 10
    assert found.tokenizer.encode("gab") == tokenizer.encode("gab")
    model.eval()
    ids = TEXT[None, :8]
    assert found.model(ids).equal(model(ids))


def test_the_newest_checkpoint_is_taken(tmp_path):
    with pytest.raises(RuntimeError, match="on purpose"):
        run(At(7, fail), Checkpoint(tmp_path, every=3, tokenizer=LETTERS))
    assert load_gpt(tmp_path).step == 6


def test_a_wrapped_model_comes_back_plain(tmp_path):
    model, optimizer = make()
    hooks = [Checkpoint(tmp_path, tokenizer=LETTERS)]
    train(Wrapped(model), optimizer, batches(), 2, callbacks=hooks)
    assert load_gpt(tmp_path).model(TEXT[None, :8]).equal(model.eval()(TEXT[None, :8]))


def test_a_run_goes_on_with_the_tokenizer_to_the_bit(tmp_path):
    """Also from a checkpoint that did not keep it; the next ones do."""
    for folder in (tmp_path / "new", tmp_path / "old"):
        hooks = [Checkpoint(folder, every=3, tokenizer=LETTERS)]
        with pytest.raises(RuntimeError, match="on purpose"):
            run(At(5, fail), *hooks)
        if folder.name == "old":
            as_before(folder)
        assert same(run(Checkpoint(folder, every=3, tokenizer=LETTERS)), run())
        assert load_gpt(folder).tokenizer.tokens == LETTERS.tokens


def test_a_run_without_its_tokenizer_says_what_to_do(tmp_path):
    run(Checkpoint(tmp_path, tokenizer=LETTERS))
    as_before(tmp_path)
    asked = r"step-00000010 was saved without its tokenizer\. .*load_gpt\(folder, tok"
    with pytest.raises(ValueError, match=asked):
        load_gpt(tmp_path)
    assert load_gpt(tmp_path, LETTERS).tokenizer is LETTERS
    with pytest.raises(ValueError, match=r"^vocabulary must be '7 tokens .*, got '7 t"):
        load_gpt(tmp_path, CharacterTokenizer("abcdefh"))


def test_a_run_that_was_given_none_takes_one_of_its_size(tmp_path):
    run(Checkpoint(tmp_path))
    with pytest.raises(ValueError, match="saved without its tokenizer"):
        load_gpt(tmp_path)
    assert load_gpt(tmp_path, CharacterTokenizer("abcdefh")).step == 10
    with pytest.raises(ValueError, match=r"^tokens must be 7 as in .*, got 2"):
        load_gpt(tmp_path, CharacterTokenizer("ab"))


def test_a_tokenizer_of_someone_elses_is_not_kept(tmp_path):
    class Own:
        tokens = list("abcdefg")  # noqa: RUF012

    run(Checkpoint(tmp_path, tokenizer=Own()))
    with pytest.raises(ValueError, match="saved without its tokenizer"):
        load_gpt(tmp_path)


def test_what_cannot_write_is_refused(tmp_path):
    for name, model in {
        "encoder": Encoder(CONFIG),
        "other": torch.nn.Sequential(torch.nn.Embedding(7, 4), torch.nn.Linear(4, 7)),
    }.items():
        hooks = [Checkpoint(tmp_path / name, tokenizer=LETTERS)]
        train(model, adamw(model, 0.1), windows(TEXT, 4, 8, 0), 2, callbacks=hooks)
        with pytest.raises(ValueError, match=f"must be of a GPT, its kind is '{name}'"):
            load_gpt(tmp_path / name)
    as_before(tmp_path / "other")
    with pytest.raises(ValueError, match="must have the configuration of a GPT"):
        load_gpt(tmp_path / "other", LETTERS)
    words = WordTokenizer(["a", "b", "c", "d"])
    run(Checkpoint(tmp_path / "words", tokenizer=words))
    with pytest.raises(ValueError, match="knows whole words alone"):
        load_gpt(tmp_path / "words")


def test_what_is_not_there_or_damaged_is_refused(tmp_path):
    with pytest.raises(ValueError, match="folder must hold a checkpoint, found none"):
        load_gpt(tmp_path / "nowhere")
    run(Checkpoint(tmp_path, tokenizer=LETTERS))
    path = list_checkpoints(tmp_path)[-1] / "run.json"
    path.write_text(path.read_text().replace("abcdefg", "abcdefh"))
    with pytest.raises(ValueError, match="step-00000010 is damaged"):
        load_gpt(tmp_path)
