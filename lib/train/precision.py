"""Half precision: products in 16 bits, where the processor is quick at them.

bfloat16 has the range of float32 and fewer digits. float16 has more digits but a short
range: small gradients become 0 in it. So the loss is multiplied by a large number
before `backward`, and the gradient divided by it afterwards (loss scaling).

Source: Micikevicius et al. 2018, "Mixed Precision Training", section 3.2.
"""

import torch

PRECISIONS = ("float32", "bfloat16", "float16", "half")


def half_type(precision: str, device: torch.device) -> torch.dtype | None:
    """The 16-bit type of a precision on a device; None for "float32".

    "half" is bfloat16 wherever the device computes with it, and float16 on NVIDIA cards
    that do not (those before capability 8.0, such as the T4).
    """
    if precision == "float32":
        return None
    if precision == "half":
        return torch.bfloat16 if has_bfloat16(device) else torch.float16
    return getattr(torch, precision)


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device computes with bfloat16; older NVIDIA cards only imitate it."""
    if device.type != "cuda":
        return True
    return torch.cuda.get_device_capability(device) >= (8, 0)


def loss_scaler(half: torch.dtype | None, device: torch.device) -> torch.amp.GradScaler:
    """PyTorch's loss scaler for float16; for every other type it does nothing."""
    return torch.amp.GradScaler(device.type, enabled=half is torch.float16)
