"""Attribution: which words made a classifier say what it said.

Each word of a text gets a number, in the unit of what is to be explained: the log-odds
of a class. Above 0 the word spoke for the class, below 0 against it. There are three
ways to ask. How steep are the log-odds at this text (`gradient_times_input`)? How steep
are they all the way from a text that says nothing (`integrated_gradients`)? What if the
word were not there (`occlusion`)? The last needs no calculus, and the model has to read
as many texts as there are words. The model is a `Classifier`, wrapped or not.
"""

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor, nn

from lib.finetune.classifier import Classifier
from lib.inside.hooks import replaced
from lib.model.modes import evaluating, unwrap
from lib.tokens.word_tokenizer import UNKNOWN

ROWS = 32  # texts that are worked on together
Baseline = int | Integer[Tensor, " _"]  # an id for every place, or another text


def log_odds(scores: Float[Tensor, "batch _"], toward: int) -> Float[Tensor, " batch"]:
    """The log of p / (1 - p), where p is the probability of the class `toward`.

    With two classes that is the difference of their scores. Raises ValueError when
    there is no such class.
    """
    classes = scores.size(1)
    if not 0 <= toward < classes:
        raise ValueError(f"toward must lie in 0..{classes - 1}, got {toward}")
    others = torch.cat([scores[:, :toward], scores[:, toward + 1 :]], dim=1)
    return scores[:, toward] - others.logsumexp(dim=1)


def gradient_times_input(
    model: nn.Module, ids: Integer[Tensor, " time"], toward: int = 1
) -> Float[Tensor, " time"]:
    """Each word vector times the gradient of the log-odds at it.

    It is what a vector would add to the log-odds if these were linear in it. Source:
    Shrikumar et al. 2016, "Not Just a Black Box: Learning Important Features Through
    Propagating Activation Differences", section 3.
    """
    ids = _checked(model, ids)
    x = word_vectors(model, ids)[None]
    return (x * _gradient(model, ids, x, toward)).sum(dim=-1)[0]


def integrated_gradients(
    model: nn.Module,
    ids: Integer[Tensor, " time"],
    toward: int = 1,
    baseline: Baseline = UNKNOWN,
    steps: int = 32,
) -> Float[Tensor, " time"]:
    """Each word's share in how far the log-odds rise from a text of `baseline` tokens.

    The word vectors go from the baseline's to their own in a straight line; the
    gradient is taken in the middle of each of `steps` pieces. The shares add up to the
    log-odds of the text minus those of the baseline, see `unexplained`.

    The baseline is an id that stands at every place, or a text of the same length.
    Where the model has an opinion of the baseline, the shares explain the way from that
    opinion to this one (`baseline_log_odds`). So where the sum should be read as the
    opinion itself, take texts of words drawn at random, and the mean over some of them.
    The paper takes a vector of zeros, but a norm is steepest at zero, the more so the
    smaller its epsilon, and the sum would miss most of the rise. The mask's vector may
    lie close to zero too, and the vector of padding was never trained.

    Raises ValueError when `steps` is below 1, or `baseline` is no id of the vocabulary
    and no text of such ids as long as this one.
    Source: Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks",
    equations 1 to 3 (there with gradients at the ends of the pieces).
    """
    if steps < 1:
        raise ValueError(f"steps must be above 0, got {steps}")
    ids = _checked(model, ids)
    here = word_vectors(model, ids)
    there = _baseline(model, ids, baseline)
    middles = (torch.arange(steps, device=ids.device) + 0.5) / steps
    total = torch.zeros_like(here)
    for way in middles.to(here.dtype).split(ROWS):
        x = there + way[:, None, None] * (here - there)  # batch time width
        total += _gradient(model, ids, x, toward).sum(dim=0)
    return ((here - there) * total / steps).sum(dim=-1)


@torch.no_grad()
def occlusion(
    model: nn.Module, ids: Integer[Tensor, " time"], toward: int = 1
) -> Float[Tensor, " time"]:
    """How far the log-odds fall when one word is left out, for each of the words.

    Raises ValueError for a text of a single word, of which nothing would be left.
    Source: Li et al. 2016, "Understanding Neural Networks through Representation
    Erasure", section 3 (there relative to the whole).
    """
    model = _classifier(model)
    ids = _checked(model, ids)
    if len(ids) < 2:
        raise ValueError(f"ids must be of 2 words or more, got {len(ids)}")
    column = torch.arange(len(ids) - 1, device=ids.device)
    row = torch.arange(len(ids), device=ids.device)[:, None]
    texts = ids[column + (column >= row)]  # row i: all words but number i
    with evaluating(model):
        left = [log_odds(model(some), toward) for some in texts.split(ROWS)]
        return log_odds(model(ids[None]), toward) - torch.cat(left)


@torch.no_grad()
def unexplained(
    model: nn.Module,
    ids: Integer[Tensor, " time"],
    attributions: Float[Tensor, " time"],
    toward: int = 1,
    baseline: Baseline = UNKNOWN,
) -> float:
    """How much the attributions lack to add up; 0 means that they are complete.

    The log-odds of the text, minus those of a text of `baseline` tokens, minus the sum
    of the attributions. Source: Sundararajan et al. 2017, proposition 1.
    """
    model = _classifier(model)
    empty = baseline_log_odds(model, ids, toward, baseline)
    with evaluating(model):
        text = log_odds(model(_checked(model, ids)[None]), toward)
    return (text - empty - attributions.sum()).item()


@torch.no_grad()
def baseline_log_odds(
    model: nn.Module,
    ids: Integer[Tensor, " time"],
    toward: int = 1,
    baseline: Baseline = UNKNOWN,
) -> float:
    """The log-odds of the text from which the way to `ids` begins; 0 is no opinion.

    Raises ValueError as `integrated_gradients` does.
    """
    model = _classifier(model)
    ids = _checked(model, ids)
    there = _baseline(model, ids, baseline)[None]
    with evaluating(model), replaced(model.body.embed.tokens, there):
        return log_odds(model(ids[None]), toward).item()


@torch.no_grad()
def word_vectors(
    model: nn.Module, ids: Integer[Tensor, " time"]
) -> Float[Tensor, "time width"]:
    """The vector of each word in the model's table, before positions are added.

    Raises ValueError when there is no word, or one that is not in the vocabulary.
    """
    return _classifier(model).body.embed.tokens(_checked(model, ids))


def _classifier(model: nn.Module) -> Classifier:
    """The model without its wrappers. Raises ValueError for one of another kind."""
    model = unwrap(model)
    if not isinstance(model, Classifier):
        raise ValueError(f"model must be a Classifier, got {type(model).__name__}")
    return model


def _checked(model: nn.Module, ids: Integer[Tensor, " time"]) -> Int[Tensor, " time"]:
    """The ids of one text as an embedding takes them."""
    if ids.dim() != 1 or ids.is_floating_point():
        raise ValueError(
            "ids must be the whole numbers of one text, "
            f"got {ids.dtype} of shape {tuple(ids.shape)}"
        )
    if not len(ids):
        raise ValueError("ids must have at least one word, got none")
    ids = ids.long()
    vocab = _classifier(model).body.config.vocab
    here = ids.device.type == "cpu"  # elsewhere to look would mean to wait
    if here and (ids.min() < 0 or ids.max() >= vocab):
        raise ValueError(f"ids must lie in 0..{vocab - 1}, got {ids.tolist()}")
    return ids


def _baseline(
    model: nn.Module, ids: Integer[Tensor, " time"], baseline: Baseline
) -> Float[Tensor, "time width"]:
    vocab = _classifier(model).body.config.vocab
    if isinstance(baseline, Tensor):
        if baseline.shape != ids.shape:
            lengths = f"{tuple(baseline.shape)}, expected {tuple(ids.shape)}"
            raise ValueError(f"baseline must be as long as ids, got shape {lengths}")
        return word_vectors(model, baseline.to(ids.device))
    if not 0 <= baseline < vocab:
        raise ValueError(f"baseline must lie in 0..{vocab - 1}, got {baseline}")
    return word_vectors(model, torch.full_like(ids, baseline))


@torch.enable_grad()
def _gradient(
    model: nn.Module,
    ids: Integer[Tensor, " time"],
    x: Float[Tensor, "batch time width"],
    toward: int,
) -> Float[Tensor, "batch time width"]:
    """The gradient of the log-odds at `x`, the word vectors of copies of one text."""
    model = _classifier(model)
    x = x.detach().requires_grad_()
    with evaluating(model), replaced(model.body.embed.tokens, x):
        total = log_odds(model(ids.expand(len(x), -1)), toward).sum()
    return torch.autograd.grad(total, x)[0]
