"""The checkers of chapter 6, training well: right passes, wrong is told why."""

import torch

from lib.train.muon import Muon, orthogonalize
from tests.helpers.checkers import exercise_tests


def stop(losses, patience, equal=False, early=0):
    best = 0
    for place, loss in enumerate(losses):
        if loss < losses[best] or (equal and loss == losses[best]):
            best = place
        if place - best >= patience - early:
            return place, best
    return len(losses) - 1, best


def stop_at_a_rise(losses, patience):
    for place in range(1, len(losses)):
        if losses[place] > losses[place - 1] and place > patience:
            return place, 3
    return len(losses) - 1, 3


def split(plays, held_out, between="\n", both=False, turned=False):
    learned = [plays[name] for name in plays if both or name not in held_out]
    texts = between.join(learned), between.join(plays[name] for name in held_out)
    return texts[::-1] if turned else texts


def in_pieces(plays, held_out):
    text = "".join(plays.values())
    return text[:12], text[12:]


def small_batches(losses, counts):
    pairs = zip(losses, counts, strict=True)
    return sum(loss * count for loss, count in pairs) / sum(counts)


def muon(weight, gradient, mean, keep=0.9, scale=2**0.5, sign=-1, follow="both"):
    mean = keep * mean + (1 - keep) * gradient
    ahead = {"both": 0.9 * mean + 0.1 * gradient, "mean": mean, "gradient": gradient}
    step = orthogonalize(ahead[follow][None])[0]
    return weight + sign * 0.02 * scale * step, mean


def muon_not_made_equal(weight, gradient, mean):
    mean = 0.9 * mean + 0.1 * gradient
    return weight - 0.02 * 2**0.5 * (0.9 * mean + 0.1 * gradient), mean


RIGHT = {
    "start_rate": 0.006,
    "stop": stop,
    "split": split,
    "small_batches": small_batches,
    "muon_step": muon,
    "noise_guess": 0.02,
}
WRONG = [
    ("start_rate", -0.01, "above 0"),
    ("start_rate", 0.5, "no longer learns"),
    ("start_rate", 0.064, "already rises"),
    ("start_rate", 0.016, "here the test turns"),
    ("start_rate", 0.001, "safe and slow"),
    ("stop", lambda losses, patience: (7, 7), "had ended before the last"),
    ("stop", lambda *_: stop(*_, early=1), "one too early"),
    ("stop", stop_at_a_rise, "not with the measurement before"),
    ("stop", lambda *_: stop(*_)[::-1], "the other way round"),
    ("stop", lambda *_: (stop(*_)[0], 6), "the best is the lowest loss"),
    ("stop", lambda *_: (2, 1), "our run ends at 6, best at 3"),
    ("stop", lambda *_: (6, 3), "ends with its last measurement"),
    ("stop", lambda *_: stop(*_, equal=True), "no improvement"),
    ("stop", lambda *_: (6, 3, 0), "return two things"),
    ("split", lambda plays, held_out: ("", 1), "return two texts"),
    ("split", lambda *_: split(*_, both=True), "stands in both"),
    ("split", lambda *_: split(*_, turned=True), "the other way round"),
    ("split", lambda plays, held_out: ("aa", "bd"), "every play belongs"),
    ("split", in_pieces, "in one of the two texts, whole"),
    ("split", lambda *_: split(*_, between=""), "line break between two plays"),
    ("split", lambda *_: ("cc\naaa\naa", "bd"), "in the order of"),
    ("split", lambda *_: (split(*_)[0], "bd"), "all of its plays"),
    ("small_batches", lambda n, c: sum(n) / len(n), "weigh by `counts`"),
    ("small_batches", lambda n, c: 500, "divide by how many"),
    ("small_batches", lambda n, c: 500 / len(n), "not by the number of batches"),
    ("small_batches", lambda n, c: (n[0] + n[1]) / 2, "should count for nothing"),
    ("small_batches", lambda n, c: max(n), "cost 1.25 each"),
    ("muon_step", lambda w, g, m: (w,), "return two things"),
    ("muon_step", lambda *_: muon(*_, keep=0.1), "yours keeps 0.1"),
    ("muon_step", lambda w, g, m: (w, m), "0.9 of the old one"),
    ("muon_step", muon_not_made_equal, "through `orthogonalize`"),
    ("muon_step", lambda *_: muon(*_, sign=1), "goes uphill"),
    ("muon_step", lambda *_: muon(*_, scale=1), "6 rows and 3 columns"),
    ("muon_step", lambda *_: muon(*_, scale=2), "take the root"),
    ("muon_step", lambda *_: muon(*_, scale=0.5**0.5), "not the other way round"),
    ("muon_step", lambda *_: muon(*_, follow="mean"), "0.9 of the new mean"),
    ("muon_step", lambda *_: muon(*_, follow="gradient"), "gradient alone"),
    ("muon_step", lambda w, g, m: (w, muon(w, g, m)[1]), "by equation 6.2"),
    ("noise_guess", -1.0, "never below 0"),
    ("noise_guess", 6.0, "knows nothing"),
    ("noise_guess", 4.34, "comes 60 times"),
    ("noise_guess", 1.0, "768 targets"),
]


def test_the_step_asked_for_is_the_one_of_the_library():
    generator = torch.Generator().manual_seed(1)
    weight, gradient, mean = torch.randn(3, 6, 3, generator=generator)
    moved, new = muon(weight, gradient, mean)
    parameter = torch.nn.Parameter(weight.clone())
    parameter.grad = gradient
    optimizer = Muon([parameter], lr=0.02, momentum=0.9)
    optimizer.state[parameter]["mean"] = mean.clone()
    optimizer.step()
    assert torch.allclose(parameter, moved, atol=1e-5)
    assert torch.allclose(optimizer.state[parameter]["mean"], new)


test_right, test_wrong, test_not_done, test_complete = exercise_tests(6, RIGHT, WRONG)
