"""Matching: do two sentences say the same, or ask the same?

Active and passive have nearly the same words, so that counting them tells nothing. Two
wordings of one question have few words in common, and two different questions may have
many.
"""

from random import Random

from lib.instruct.tasks.task import NEW_WORDING, USUAL, Drawn, Task, Wordings
from lib.instruct.tasks.world import PEOPLE

DOERS = tuple(
    "doctor teacher actor director writer cop friend father mother brother".split()
)
VERBS = {  # as it stands in the active, and in the passive
    "follows": "followed",
    "finds": "found",
    "loves": "loved",
    "sees": "seen",
    "leaves": "left",
    "knows": "known",
    "likes": "liked",
    "meets": "met",
}
SAME = Wordings(
    trained=("Do these say the same?", "Same meaning?"),
    new=("Do both sentences mean one thing?",),
)
ALIKE = Wordings(
    trained=("Do these ask the same?", "Same question?"),
    new=("Would one answer do for both?",),
)
NEW_PARAPHRASE = "new paraphrase"
QUESTIONS = {  # by what they ask for; the last of each is never trained
    "home": (
        "Where does {who} live?",
        "In which town is the home of {who}?",
        "What is the address of {who}?",
        "At which place does {who} live?",
        "Where is {who} at home?",
        "Which place does {who} call home?",
    ),
    "work": (
        "What does {who} do for a living?",
        "What is the job of {who}?",
        "What is {who} by trade?",
        "Which job does {who} have?",
        "How does {who} earn money?",
        "What work does {who} have?",
    ),
    "age": (
        "How old is {who}?",
        "What is the age of {who}?",
        "At what age is {who} now?",
        "How many years old is {who}?",
        "Which age has {who} reached?",
        "For how many years has {who} lived?",
    ),
    "love": (
        "Who is married to {who}?",
        "Who is the wife or husband of {who}?",
        "Whom did {who} marry?",
        "With whom did {who} have a wedding?",
        "To whom is {who} married?",
        "What is the name of the person {who} married?",
    ),
    "food": (
        "What does {who} like to eat?",
        "Which dish does {who} like best?",
        "What is the favorite food of {who}?",
        "Which food is best for {who}'s taste?",
        "What would {who} most like to eat?",
        "What does {who} eat most gladly?",
    ),
    "birth": (
        "Where was {who} born?",
        "In which town was {who} born?",
        "What is the birthplace of {who}?",
        "In what place was {who} born?",
        "Where did the mother of {who} give birth?",
        "Where did the life of {who} begin?",
    ),
}


def active_passive() -> Task:
    """Is the passive sentence the active one turned around? One doer, one done to."""
    return Task("active_passive", _draw_voices)


def paraphrase() -> Task:
    """Do two questions ask for the same thing of the same person?

    The combination is a pair of wordings. A `NEW_PARAPHRASE` was in no pair.
    """
    variants = (USUAL, NEW_WORDING, NEW_PARAPHRASE)
    return Task("paraphrase", _draw_questions, variants=variants)


def _draw_voices(random: Random, variant: str) -> Drawn:
    doer, other = random.sample(DOERS, 2)
    verb = random.choice(list(VERBS))
    answer = random.choice(["yes", "no"])
    to, by = (other, doer) if answer == "yes" else (doer, other)
    sentences = [f"The {doer} {verb} the {other}."]
    sentences.append(f"The {to} is {VERBS[verb]} by the {by}.")
    random.shuffle(sentences)
    prompt = " ".join([SAME.choose(random, variant), *sentences])
    first, second = sorted([doer, other])
    return Drawn(prompt, answer, f"{first} {verb} {second}, or the other way round")


def _draw_questions(random: Random, variant: str) -> Drawn:
    who, other = random.sample(PEOPLE, 2)
    topic, other_topic = random.sample(list(QUESTIONS), 2)
    differs = random.choice(["nothing", "nothing", "topic", "person"])
    *known, last = QUESTIONS[topic]
    first = last if variant == NEW_PARAPHRASE else random.choice(known)
    *known, _ = QUESTIONS[other_topic if differs == "topic" else topic]
    second = random.choice([each for each in known if each != first])
    asked = [first.format(who=who)]
    asked.append(second.format(who=other if differs == "person" else who))
    random.shuffle(asked)
    prompt = " ".join([ALIKE.choose(random, variant), *asked])
    answer = "yes" if differs == "nothing" else "no"
    return Drawn(prompt, answer, " / ".join(sorted([first, second])))
