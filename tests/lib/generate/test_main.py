"""The command line: what it writes, where from, and what it refuses."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from select import select

import pytest
import torch

from lib.generate import __main__ as command
from lib.generate import stream_text
from lib.generate.loop import GREEDY
from lib.generate.text import END
from lib.hub.pretrained import save_pretrained
from lib.model.gpt import GPT
from lib.tokens.tokenizer import BytePairTokenizer, CharacterTokenizer
from lib.train import Checkpoint, load_gpt
from lib.train import __main__ as training
from tests.helpers.models import TINY
from tests.helpers.runs import CONFIG, run

pytestmark = pytest.mark.usefixtures("stop_button")

ROOT = Path(__file__).parents[3]
TEXT = "To be or not to be, that is the question. " * 20
SIZES = "--layers 1 --width 8 --heads 2 --batch 4 --context 8 --device cpu --steps 4"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which the command of `lib.train` saved two runs."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "text.txt").write_text(TEXT)
    tokens = folder / "tokens.json"
    BytePairTokenizer.train(TEXT, 270, [END]).save(tokens)
    options = f"--text {folder / 'text.txt'} {SIZES} --checkpoints {folder}"
    training.main(f"{options}/letters".split())
    training.main(f"{options}/pairs --tokenizer {tokens} --preset gpt2".split())
    return folder


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub of two small models."""
    torch.manual_seed(0)
    pairs = BytePairTokenizer([(97, 98)], [END])
    save_pretrained("pairs", GPT(replace(TINY, vocab=258)), pairs, {}, tmp_path)
    letters = CharacterTokenizer("abc")
    save_pretrained("letters", GPT(replace(TINY, vocab=3)), letters, {}, tmp_path)
    monkeypatch.setattr(command, "load", partial(command.load, hub=tmp_path))
    return tmp_path


def written(capsys, *arguments):
    command.main([*map(str, arguments)])
    return capsys.readouterr().out


def test_help_names_every_option_and_default(capsys):
    with pytest.raises(SystemExit) as end:
        command.main(["--help"])
    assert end.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    options = command.make_parser()._actions
    assert len(options) > 12
    for option in options:
        words = option.help % {"default": option.default}
        assert (option.option_strings or [option.dest])[-1] in told and words in told
        if type(option.default) in (int, float):
            assert words.endswith(f"(default: {option.default})")
    assert max(map(len, command.ABOUT.splitlines())) <= 88


@pytest.mark.parametrize("kind", ["letters", "pairs"])
def test_a_run_of_lib_train_writes(trained, capsys, kind):
    model, tokenizer, _ = load_gpt(trained / kind)
    expected = "To be" + "".join(stream_text(model, tokenizer, "To be"))
    assert written(capsys, "To be", "--from", trained / kind) == expected + "\n"
    assert len(expected) > 5


def test_options_are_those_of_the_library(trained, capsys):
    source = ["To be", "--from", trained / "letters"]
    model, tokenizer, _ = load_gpt(trained / "letters")
    asked = "--max-new-tokens 30 --temperature 0.7 --top-k 9 --top-p 0.9 --min-p 0.01"
    asked += " --repetition-penalty 1.3 --seed 4"
    strategy = command.Sampling(0.7, 9, 0.9, 0.01, 1.3)
    expected = stream_text(model, tokenizer, "To be", 30, strategy, seed=4)
    told = written(capsys, *source, *asked.split())
    assert told == "To be" + "".join(expected) + "\n"
    greedy = "".join(stream_text(model, tokenizer, "To be", 30, GREEDY))
    told = written(capsys, *source, *"--max-new-tokens 30 --temperature 0".split())
    assert told == f"To be{greedy}\n"
    told = written(capsys, *source, *asked.split(), "--samples", 2)
    assert told.startswith("=== seed 4\nTo be") and "\n=== seed 5\nTo be" in told
    told = written(capsys, *source, "--scores", "--max-new-tokens", 3)
    assert re.fullmatch(r"( *\d+\.\d\d%  '(.|\\n)'\n){3}", told)


def test_a_model_of_the_hub_writes_and_stops_at_its_end(hub, capsys, monkeypatch):
    stops = []
    stream = command.Answers._pieces
    record = lambda self, prompt: stops.append(self.stop) or stream(self, prompt)  # noqa: E731
    monkeypatch.setattr(command.Answers, "_pieces", record)
    assert written(capsys, "ab", "--from", "pairs").startswith("ab")
    written(capsys, "ab", "--from", "pairs", "--past-end")
    written(capsys, "ab", "--from", "letters")
    assert stops == [[257], [], []]


def test_a_folder_of_checkpoints_goes_before_the_hub(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs").mkdir()
    assert len(command.load("pairs")[1]) == 258  # an empty folder is no run
    run(Checkpoint("pairs", tokenizer=CharacterTokenizer("abcdefg")))
    model, tokenizer = command.load("pairs")
    assert len(tokenizer) == 7 and model.config == CONFIG


@pytest.mark.parametrize(
    "more, words",
    [
        (["a", "--from", "gpt4"], "'gpt4': there is no such folder, .*letters, pairs$"),
        (["a", "--from", "."], "'.': that folder has no checkpoint, and the hub has"),
        (["", "--from", "pairs"], "prompt must have at least one token, got ''"),
        (["aXb", "--from", "letters"], r"not in the vocabulary: \['X'\]"),
        (["a", "--from", "letters", "--top-k", "4"], r"top_k must lie in 1\.\.3"),
        (["a", "--from", "letters", "--top-p", "2"], "top_p must be above 0"),
        (["a", "--from", "letters", "--temperature", "-1"], "temperature must be 0"),
        (["a", "--from", "letters", "--device", "nowhere"], "--device nowhere cannot"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(hub, monkeypatch, tmp_path, more, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=f"^python -m lib.generate: .*{words}"):
        command.main(more)


def test_a_prompt_past_learned_positions_is_refused(trained):
    with pytest.raises(SystemExit, match="need 18 positions, but they were le"):
        command.main(["To be" * 9, "--from", str(trained / "pairs")])


def test_an_empty_hub_says_so(tmp_path):
    with pytest.raises(ValueError, match="and the hub has no GPT yet"):
        command.load("gpt4", tmp_path)


@pytest.mark.parametrize(
    "option, value",
    [("--samples", "0"), ("--seed", "-1"), ("--max-new-tokens", "x")],
)
def test_numbers_that_cannot_be_are_refused_at_once(option, value, capsys):
    with pytest.raises(SystemExit):
        command.main(["a", "--from", "run", f"{option}={value}"])
    told = capsys.readouterr().err
    assert f"{option}: must be a whole number, at least " in told and value in told


def test_lines_are_answered(hub, capsys, monkeypatch):
    lines = iter(["ab", "X", "c"])
    monkeypatch.setattr("builtins.input", lambda _: next(lines, None) or end())
    out = written(capsys, "--from", "letters", "--max-new-tokens", 4)
    assert [line[:2] for line in out.splitlines()] == ["ab", out.splitlines()[1][:2]]
    assert out.splitlines()[1].startswith("c") and len(out.splitlines()) == 2


def end():
    raise EOFError


# --- in a process of its own


def start(*arguments, **streams):
    return subprocess.Popen(
        [sys.executable, "-m", "lib.generate", *map(str, arguments)],
        env=ENVIRONMENT | {"PYTHONIOENCODING": "utf-8"},
        **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE} | streams,
        stderr=subprocess.PIPE,
    )


@pytest.mark.processes
def test_the_commands_of_the_readme_work_one_after_the_other(tmp_path):
    readme = (ROOT / "README.md").read_text()
    trains, writes = (
        re.findall(rf"^\.venv/bin/(python -m lib\.{name} .*)$", readme, re.MULTILINE)[0]
        for name in ("train", "generate")
    )
    assert readme.index(trains) < readme.index(writes)
    trains = re.sub(r"--steps \d+", "--steps 3 --held-out-batches 1", trains)
    for line in (trains, writes):
        words = [sys.executable, *re.findall(r'"[^"]*"|\S+', line)[1:]]
        done = subprocess.run(
            [word.strip('"') for word in words],
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("To be") and len(done.stdout) > 100
    assert done.stderr == ""


@pytest.mark.processes
def test_a_pipe_that_closes_is_no_error(trained):
    writer = start("To be", "--from", trained / "letters", "--max-new-tokens", 10**6)
    assert writer.stdout.read(5) == b"To be"
    writer.stdout.close()
    assert writer.wait(timeout=120) == 0
    assert writer.stderr.read() == b""


@pytest.mark.processes
def test_ctrl_c_ends_the_text_and_the_next_line_is_answered(trained):
    """Bytes that are no UTF-8 are refused like any unknown character."""
    writer = start("--from", trained / "letters", "--max-new-tokens", 10**6)
    for line in (b"To be\n", b"\xff\n", b"or not\n"):
        writer.stdin.write(line)
        writer.stdin.flush()
        if line == b"\xff\n":
            assert b"not in the vocabulary: ['\\udcff']" in writer.stderr.readline()
            continue
        begun = line.strip() + b"."  # more than was read from the line
        assert len(writer.stdout.read(len(begun))) == len(begun)
        writer.send_signal(signal.SIGINT)
    rest = writer.communicate(timeout=120)
    assert writer.returncode == 0 and rest[1] == b""


@pytest.mark.processes
def test_where_a_line_is_asked_for_ctrl_c_ends_the_program(trained):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    options = ["--from", trained / "letters", "--max-new-tokens", 5]
    writer = start(*options, stdin=theirs, stdout=theirs)
    told = b""
    while told.count(b"> ") < 1:
        told += os.read(ours, 1000)
    os.write(ours, b"To be\n")
    while told.count(b"> ") < 2:
        told += os.read(ours, 1000)
    for _ in range(60):  # the prompt is shown a moment before Ctrl-C is listened for
        writer.send_signal(signal.SIGINT)
        if select([ours], [], [], 1)[0]:  # the line ends: one more would kill
            break
    writer.wait(timeout=60)
    assert writer.returncode == 0
    assert writer.stderr.read() == b""
    assert told.startswith(b"Type a line. ") and b"To be" in told
