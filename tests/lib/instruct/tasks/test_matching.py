"""Matching: the same said or asked, found by rules of the test's own."""

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from lib.instruct.tasks.matching import (
    NEW_PARAPHRASE,
    QUESTIONS,
    VERBS,
    active_passive,
    paraphrase,
)
from lib.instruct.tasks.task import TRAINING, VALIDATION
from lib.instruct.tasks.world import PEOPLE

seeds = st.integers(0, 10_000)
ACTIVE = {passive: active for active, passive in VERBS.items()}


def said(sentence):
    """Who did what to whom."""
    if match := re.fullmatch(r"The (\w+) is (\w+) by the (\w+)\.", sentence):
        return match[3], ACTIVE[match[2]], match[1]
    return re.fullmatch(r"The (\w+) (\w+) the (\w+)\.", sentence).groups()


@settings(max_examples=50)
@given(seeds, st.sampled_from(active_passive().variants))
def test_two_voices_say_the_same_when_each_does_the_same(seed, variant):
    example = next(active_passive().examples(VALIDATION, seed, variant))
    first, second = map(said, re.findall(r"The [^.]*\.", example.prompt))
    assert example.answer == ("yes" if first == second else "no")
    assert sorted([first[0], first[2]]) == sorted([second[0], second[2]])


def test_counting_words_tells_nothing_about_two_voices():
    answers = Counter()
    for example in active_passive().sample(TRAINING, 400):
        words = re.findall(r"\w+", example.prompt.split("? ")[1])
        assert len(words) == 12
        answers[example.answer] += 1
    assert min(answers.values()) > 160


def asked(question):
    """What is asked for, and of whom."""
    for topic, ways in QUESTIONS.items():
        for way in ways:
            pattern = re.escape(way).replace(r"\{who\}", r"(\w+)")
            if match := re.fullmatch(pattern, question):
                return topic, match[1], way
    raise AssertionError(question)


@settings(max_examples=50)
@given(seeds, st.sampled_from(paraphrase().variants))
def test_two_questions_ask_the_same_when_topic_and_person_agree(seed, variant):
    example = next(paraphrase().examples(VALIDATION, seed, variant))
    *_, first, second = re.findall(r"[^?]+\?", example.prompt)
    (topic, who, way), (other, whom, other_way) = (
        asked(first.strip()),
        asked(second.strip()),
    )
    assert example.answer == ("yes" if (topic, who) == (other, whom) else "no")
    assert example.combination == " / ".join(sorted([way, other_way]))
    assert {who, whom} <= set(PEOPLE)
    new = {ways[-1] for ways in QUESTIONS.values()}
    assert len({way, other_way} & new) == (variant == NEW_PARAPHRASE)


def test_half_of_the_questions_ask_the_same_in_every_part():
    for part in (TRAINING, VALIDATION):
        sample = paraphrase().sample(part, 300)
        assert 105 < sum(each.answer == "yes" for each in sample) < 195


def test_no_question_has_two_meanings():
    ways = [way for each in QUESTIONS.values() for way in each]
    assert len(set(ways)) == len(ways) == 36
