"""Evaluation: any model, the same questions, baselines beside it."""

from dataclasses import replace

import pytest

from lib.instruct import evaluate as module
from lib.instruct.evaluate import (
    Score,
    evaluate,
    fit_baselines,
    grade,
    measured,
    percent,
    replies,
    table,
)
from lib.instruct.tasks import find_task
from lib.instruct.tasks.task import NEW_WORDING, TEST, USUAL, VALIDATION, Metric
from lib.measure.slices import averaged, counted

ORDER, TALK = find_task("order"), find_task("dialogue")


def knows(tasks, part=VALIDATION, variant=USUAL, size=20):
    """A function from text to text that has every answer."""
    samples = [each.sample(part, size, 0, variant) for each in tasks]
    answers = {e.prompt: e.answer for sample in samples for e in sample}
    return answers.__getitem__


class Talks:
    """Answers whole conversations, and notes which it was given."""

    def __init__(self, answer="The text does not say."):
        self.asked = []
        self.answer = answer

    def replies(self, conversations):
        self.asked += conversations
        return [self.answer] * len(conversations)


def test_every_model_answers_the_same_questions():
    talks = Talks()
    models = {"knows": knows([ORDER, TALK]), "talks": talks}
    scores = evaluate(models, [ORDER, TALK], 20, baselines=0)
    assert [(s.task, s.model) for s in scores] == [
        ("order", "knows"),
        ("order", "talks"),
        ("dialogue", "knows"),
        ("dialogue", "talks"),
    ]
    assert [s.result for s in scores[::2]] == [counted([True] * 20)] * 2
    sample = TALK.sample(VALIDATION, 20)
    assert talks.asked[20:] == [example.turns for example in sample]
    unknown = [example.answer == talks.answer for example in sample]
    assert scores[3].result == counted(unknown)


@pytest.mark.parametrize("variant", [USUAL, NEW_WORDING])
def test_part_variant_and_seed_choose_the_questions(variant):
    model = knows([ORDER], TEST, variant)
    (score,) = evaluate(
        {"m": model}, [ORDER], 20, part=TEST, variant=variant, baselines=0
    )
    assert score.variant == variant and score.result.accuracy == 1
    with pytest.raises(KeyError):
        evaluate({"m": model}, [ORDER], 20, part=TEST, seed=1, baselines=0)


def test_baselines_stand_beside_the_models_and_learn_from_training_alone():
    scores = evaluate({"m": str.upper}, [ORDER], 30, baselines=50)
    assert [score.model for score in scores] == [
        "m",
        "most common",
        "nearest neighbor",
        "first listed",
    ]
    fitted = fit_baselines(ORDER, 50)
    asked = ORDER.sample(VALIDATION, 30)
    for score in scores[1:]:
        right = grade(ORDER, asked, replies(fitted[score.model], asked))
        assert score.result == counted(right)


def test_the_model_is_not_shown_the_answer():
    example = ORDER.sample(VALIDATION, 1)[0]
    seen = []
    replies(lambda prompt: seen.append(prompt) or "", [example])
    assert seen == [example.prompt]


def test_a_part_with_fewer_questions_is_asked_whole():
    reversal = find_task("reversal")
    (score,) = evaluate({"m": str.upper}, [reversal], 500, baselines=0)
    assert 10 <= score.result.size < 100


def test_a_table_has_a_row_a_task_and_a_column_a_model():
    half, none = counted([True, False]), counted([False] * 4)
    scores = [
        Score("order", USUAL, "ours", half),
        Score("order", USUAL, "nearest", none),
        Score("order", NEW_WORDING, "ours", none),
    ]
    assert table(scores).split("\n") == [
        "| task | ours | nearest |",
        "| --- | ---: | ---: |",
        f"| order | {percent(half)} | {percent(none)} |",
        f"| order, new wording | {percent(none)} |  |",
    ]
    assert percent(half) == "50 (9 to 91)"
    with pytest.raises(ValueError, match="scores must hold at least one, got none"):
        table([])


def test_a_task_may_grade_its_replies():
    def longer(example, reply):
        return min(1.0, len(reply) / len(example.answer) / 2)

    graded = replace(ORDER, name="long", metric=Metric("length", longer))
    models = {"knows": knows([ORDER, graded]), "silent": lambda prompt: ""}
    scores = evaluate(models, [ORDER, graded], 20, baselines=0)
    assert [(s.metric, s.result.accuracy) for s in scores] == [
        ("accuracy", 1.0),
        ("accuracy", 0.0),
        ("length", 0.5),
        ("length", 0.0),
    ]
    asked = ORDER.sample(VALIDATION, 2)
    given = [asked[0].answer, ""]
    assert measured(graded, asked, given) == averaged([0.5, 0.0])
    assert measured(ORDER, asked, given) == counted([True, False])
    rows = table(scores).split("\n")[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| order", "| long, length"]
    new = [score._replace(variant=NEW_WORDING) for score in scores[2:]]
    assert table(new).split("\n")[2].startswith("| long, new wording, length | 50 (")


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="models must hold at least one"):
        evaluate({}, [ORDER], baselines=0)
    with pytest.raises(ValueError, match="got an empty mixture"):
        evaluate({"m": str.upper}, [])
    with pytest.raises(ValueError, match=r"like baselines, got \['most common'\]"):
        evaluate({"most common": str.upper}, [ORDER], 2, baselines=5)
    with pytest.raises(ValueError, match=r"variant of 'order' must be .*, got 'odd'"):
        evaluate({"m": str.upper}, [ORDER], 2, variant="odd", baselines=0)
    with pytest.raises(ValueError, match=r"part must be one of .*, got 'odd'"):
        evaluate({"m": str.upper}, [ORDER], 2, part="odd", baselines=0)
    with pytest.raises(ValueError, match="size must be above 0, got -1"):
        fit_baselines(ORDER, -1)


def test_replies_that_are_no_text_or_do_not_pair_up_are_refused():
    sample = ORDER.sample(VALIDATION, 2)
    with pytest.raises(ValueError, match="a model must reply with text, got None"):
        replies(Talks(None), sample)
    talks = Talks()
    talks.replies = lambda conversations: ["one"]
    with pytest.raises(ValueError, match="1 replies do not fit 2 examples"):
        replies(talks, sample)
    assert module.BASELINE_EXAMPLES == 2_000
