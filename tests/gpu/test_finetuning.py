"""Fine-tuning, adapters and word vectors on the device."""

import copy
from functools import partial
from itertools import islice

import pytest
import torch

from lib import train, vectors
from lib.finetune import classifier, layers, lora
from lib.finetune.classifier import Classifier
from lib.finetune.labeled import in_order, labeled_batches
from lib.model.encoder import Encoder
from lib.train.row_adagrad import RowAdagrad
from lib.train.sampled_softmax import sampled_loss, text_windows, with_samples
from lib.vectors.whole_texts import thinned_texts, word_shares
from tests.helpers.devices import VOCAB, exact, loud, small

TEXTS = [[3 + (n * k) % (VOCAB - 3) for k in range(1, 4 + n % 9)] for n in range(1, 41)]
LABELS = [int(len(text) > 7) for text in TEXTS]


def tuned(model, steps=40):
    """Teach a classifier whether a text is long; what was measured."""
    optimizer = train.adamw(model, 0.02)
    batches = labeled_batches(TEXTS, LABELS, 8)
    loss = classifier.classification_loss
    return train.train(model, optimizer, batches, steps, objective=loss)


def adapted(names=lora.ALL_LINEAR):
    torch.manual_seed(0)
    model = Classifier(loud(Encoder(small()), std=0.1), 2, "weighted")
    layers.freeze(model)
    lora.adapt(model, names, rank=4)
    return model


def test_adapters_learn_and_all_else_stands_still(device, tmp_path):
    model = adapted()
    before = copy.deepcopy(model.state_dict())
    expected = tuned(exact(model), steps=4).losses
    history = tuned(model.to(device))
    assert history.losses[:4] == pytest.approx(expected, abs=1e-3)
    assert sum(history.losses[-5:]) / 5 < 0.8 * history.losses[0]
    learned = {
        name for name, weight in model.named_parameters() if weight.requires_grad
    }
    moved = {n for n, w in model.state_dict().items() if not w.cpu().equal(before[n])}
    assert moved == learned and any("down" in name for name in learned)
    chances = classifier.predict(model, in_order(TEXTS, LABELS, 16))
    assert chances.device.type == device.type
    lora.save(model, tmp_path / "adapters.safetensors")
    opened = adapted()
    lora.load(opened, tmp_path / "adapters.safetensors")
    again = classifier.predict(opened, in_order(TEXTS, LABELS, 16))
    torch.testing.assert_close(chances.cpu(), again, atol=1e-4, rtol=0)
    lora.merge(model)
    merged = classifier.predict(model, in_order(TEXTS, LABELS, 16))
    torch.testing.assert_close(chances, merged, atol=1e-4, rtol=0)


def word_vectors(model, steps):
    shares = word_shares(TEXTS, VOCAB)
    batches = thinned_texts(TEXTS, shares, 8, threshold=0.5, shared=8)
    loss = partial(vectors.negative_sampling_of_texts, window=2, negatives=5)
    optimizer = RowAdagrad(model.parameters())
    return train.train(model, optimizer, batches, steps, objective=loss)


def test_word_vectors_learn_what_float64_learns(device):
    torch.manual_seed(0)
    model = vectors.SkipGram(VOCAB, 16)
    expected = word_vectors(exact(model), 4).losses
    history = word_vectors(model.to(device), 40)
    assert history.losses[:4] == pytest.approx(expected, abs=1e-3)
    assert sum(history.losses[-5:]) / 5 < history.losses[0] - 0.2


def test_drawn_pairs_teach_word_vectors(device):
    torch.manual_seed(0)
    ids = torch.tensor([word for text in TEXTS for word in text])
    chances = vectors.negative_chances(word_shares(TEXTS, VOCAB))
    model = vectors.SkipGram(VOCAB, 16)

    def learn(model, steps):
        pairs = vectors.skip_grams(ids, 64, window=2)
        batches = vectors.sample_negatives(pairs, chances, 4)
        loss = vectors.negative_sampling
        return train.train(
            model, RowAdagrad(model.parameters()), batches, steps, objective=loss
        )

    expected = learn(exact(model), 4).losses
    history = learn(model.to(device), 40)
    assert history.losses[:4] == pytest.approx(expected, abs=1e-3)
    assert sum(history.losses[-5:]) / 5 < history.losses[0] - 0.2


def test_hidden_words_are_told_from_drawn_ones(device):
    torch.manual_seed(0)
    model, shares = Encoder(small()), word_shares(TEXTS, VOCAB) + 0.01

    def learn(model, steps):
        masked = train.mask_tokens(text_windows(TEXTS, 8, 6), mask=1, vocab=VOCAB)
        batches = with_samples(masked, shares, many=12)
        loss = partial(sampled_loss, chances=shares)
        return train.train(
            model, train.adamw(model, 0.01), batches, steps, objective=loss
        )

    expected = learn(exact(model), 4).losses
    history = learn(model.to(device), 40)
    assert history.losses[:4] == pytest.approx(expected, abs=1e-3)
    assert sum(history.losses[-10:]) / 10 < history.losses[0]


def test_a_whole_model_is_tuned_with_rates_by_layer(device):
    torch.manual_seed(0)
    model = Classifier(loud(Encoder(small()), std=0.1), 2, "weighted").to(device)
    rule = layers.layerwise_adamw(model, 0.02)
    batches = labeled_batches(TEXTS, LABELS, 8)
    hooks = [layers.GradualUnfreezing(10)]
    loss = classifier.classification_loss
    history = train.train(
        model, rule, islice(batches, 40), 40, callbacks=hooks, objective=loss
    )
    assert sum(history.losses[-5:]) / 5 < 0.8 * history.losses[0]
    found = classifier.predict(model, in_order(TEXTS, LABELS)).argmax(dim=1).tolist()
    right = sum(a == b for a, b in zip(found, LABELS, strict=True))
    assert right > max(LABELS.count(0), LABELS.count(1))
