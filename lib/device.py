"""The device: where tensors are kept and the work is done."""

import torch


def pick_device() -> torch.device:
    """The fastest device here: an NVIDIA GPU, else an Apple GPU, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
