"""A small classifier and a task that it can learn: is there a 3 in the text?"""

import torch

from lib.finetune.classifier import Classifier
from lib.model.encoder import Encoder
from tests.helpers.models import TINY

# Words are 3 to 9, 0 is padding.
TEXTS = [
    [4 + n % 6, 5 + n % 5, 3 if n % 2 else 8, 9 - n % 4][: 3 + n % 2] for n in range(60)
]
LABELS = [int(3 in ids) for ids in TEXTS]


def small(body=Encoder, pooling="weighted"):
    torch.manual_seed(0)
    return Classifier(body(TINY), 2, pooling)
