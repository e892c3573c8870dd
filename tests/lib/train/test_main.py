"""The command line: its help, its defaults, and what it refuses."""

import pytest

from lib.tokens.tokenizer import BytePairTokenizer
from lib.train import __main__ as command
from lib.train import list_checkpoints

TEXT = "to be or not to be, that is the question. " * 20


@pytest.fixture
def options(tmp_path):
    """Quick ones, on a text of our own."""
    (tmp_path / "text.txt").write_text(TEXT)
    words = f"--text {tmp_path / 'text.txt'} --steps 4 --every 2 --layers 1 --width 8"
    return [*words.split(), *"--heads 2 --batch 4 --context 8 --device cpu".split()]


def test_help_names_every_option_and_default(capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["--help"])
    assert end.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    options = command.make_parser()._actions
    assert len(options) > 20
    for option in options:
        words = option.help % {"default": option.default}
        assert option.option_strings[-1] in told and words in told
        if option.default and option.dest not in ("help", "held_out"):
            assert words.endswith(f"(default: {option.default})")
    assert "(default: Macbeth, The Tempest)" in told
    assert max(map(len, command.ABOUT.splitlines())) <= 88


def test_a_run_with_all_records(options, tmp_path, capsys):
    folders = f"--checkpoints {tmp_path / 'run'} --tensorboard {tmp_path / 'board'}"
    command.main([*options, *folders.split(), "--dropout", "0.1"])
    said = capsys.readouterr().out
    assert said.startswith("4 steps, 128 tokens, held-out loss ")
    assert said.endswith("nats a token after step 4\n")
    assert len(list_checkpoints(tmp_path / "run")) == 2
    assert len(list((tmp_path / "board").iterdir())) == 1
    command.main([*options, *folders.split(), "--dropout", "0.1"])
    assert capsys.readouterr().out == said
    with pytest.raises(SystemExit, match=r"clip must be 1\.0 as in .*, got 0\.5"):
        command.main([*options, *folders.split(), "--dropout", "0.1", "--clip", "0.5"])


def test_a_saved_tokenizer_is_used(options, tmp_path, capsys):
    BytePairTokenizer.train(TEXT, 270).save(tmp_path / "tokens.json")
    asked = [*options, "--tokenizer", str(tmp_path / "tokens.json")]
    tokenizer = command.read_tokenizer(command.make_parser().parse_args(asked), TEXT)
    assert len(tokenizer) == 270
    command.main(asked)
    assert capsys.readouterr().out.startswith("4 steps")


def test_layers_are_timed_where_that_is_asked_for(options, capsys):
    command.main([*options, "--speed-up"])
    report, summary = capsys.readouterr().out.split("4 steps, ")
    assert "Linear" in report and "; kept " in report
    assert summary.startswith("128 tokens, held-out loss ")


def test_whole_plays_are_held_out():
    asked = command.make_parser().parse_args(["--held-out", "Hamlet"])
    learned, held_out = command.read_texts(asked)
    assert "to be, or not to be" in held_out.lower()
    assert held_out not in learned and len(learned) > 4e6
    assert "HAMLET:" not in learned


def test_the_last_tenth_of_a_file_is_held_out(options):
    asked = command.make_parser().parse_args(options)
    learned, held_out = command.read_texts(asked)
    assert learned + held_out == TEXT and len(held_out) == len(TEXT) // 10


@pytest.mark.parametrize(
    "more, words",
    [
        (["--held-out", "Cats"], r"--held-out must be some of .*, got \['Cats'\]"),
        (["--text", "no/such/file"], "No such file"),
        (["--heads", "3"], "heads must be a divisor of width 8"),
        (["--context", "900"], "a window of 900 and its target need 901 tokens"),
        (["--steps", "-1"], "steps must be at least 0, got -1"),
        (["--lr", "1e30", "--clip", "inf"], "became .*: the run stopped"),
        (["--device", "nowhere"], "nowhere"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(options, more, words):
    if more[0] == "--held-out":
        options = []
    with pytest.raises(SystemExit, match=f"^python -m lib.train: .*{words}"):
        command.main([*options, *more])


def test_a_preset_in_other_sizes():
    asked = command.make_parser().parse_args(["--preset", "gpt2", "--layers", "3"])
    config = command.configure(asked, vocab=90)
    assert (config.vocab, config.layers, config.width) == (90, 3, 768)
    assert config.positions == "learned" and config.context == 64
