"""Many processes that train one model: what they tell each other.

`python -m torch.distributed.run` starts them. Each draws the same batches and takes its
share of the rows. Gradients are averaged and losses added up, so that together they
take the step that one process would take with the whole batch. With one process,
nothing here does anything.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeGuard

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lib.model.gpt import GPT
from lib.model.modes import unwrap

if TYPE_CHECKING:  # it takes seconds to import
    from torch.distributed.tensor import DTensor


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Join the processes that `torch.distributed.run` started, if it did; the device.

    Where there are several GPUs, each process gets its own.
    """
    if "LOCAL_RANK" not in os.environ:
        yield device
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Which of them this one is, from 0; the first one writes and shows progress."""
    return dist.get_rank() if dist.is_initialized() else 0


def any_of(flag: bool) -> bool:
    """Whether the flag is set in any process."""
    return bool(gather(torch.tensor([flag])).any())


def gather(mine: Tensor) -> Tensor:
    """The CPU tensors of all processes, one after the other along their first axis."""
    if processes() == 1:
        return mine
    parts = [torch.empty_like(mine) for _ in range(processes())]
    dist.all_gather(parts, mine.contiguous())
    return torch.cat(parts)


def total(value: int | float) -> int | float:
    """The sum of a number over all processes."""
    if processes() == 1:
        return value
    summed = torch.tensor(value, dtype=torch.float64)
    dist.all_reduce(summed)
    return summed.item()


def share(batches: Iterable[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
    """This process's rows of each batch: the first of two gets the first half.

    Raises ValueError for a batch whose rows cannot be shared out evenly.
    """
    for batch in batches:
        rows, left = divmod(len(batch[0]), processes())
        if left:
            raise ValueError(
                f"a batch must be a multiple of {processes()} processes, "
                f"got {len(batch[0])} rows"
            )
        mine = slice(rank() * rows, (rank() + 1) * rows)
        yield tuple(tensor[mine] for tensor in batch)


def spread(model: nn.Module) -> nn.Module:
    """The model, or around it PyTorch's `DistributedDataParallel`, which averages.

    The weights of the first process become those of all, and every `backward` gives all
    processes the mean of their gradients. A sharded model does that by itself.
    """
    if processes() == 1 or any(is_sharded(weight) for weight in model.parameters()):
        return model
    return nn.parallel.DistributedDataParallel(model, broadcast_buffers=False)


def shard(model: GPT) -> None:
    """Let each process keep a slice of every weight, with PyTorch's `fully_shard`."""
    from torch.distributed.fsdp import fully_shard

    for block in model.blocks:
        fully_shard(block)
    fully_shard(model)


def is_sharded(tensor: Tensor) -> TypeGuard["DTensor"]:
    """Whether this process has only a slice of a tensor (a PyTorch `DTensor`)."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: Tensor) -> Tensor:
    """A tensor on the CPU; one that is sharded is put together first."""
    tensor = tensor.detach()
    return (tensor.full_tensor() if is_sharded(tensor) else tensor).cpu()


def part(tensor: Tensor) -> Tensor:
    """A tensor without its history, or this process's slice of one that is sharded."""
    tensor = tensor.detach()
    return tensor._local_tensor if is_sharded(tensor) else tensor


def placed_like(tensor: Tensor, example: Tensor) -> Tensor:
    """A tensor on the example's device; a whole one becomes sharded as that is."""
    if is_sharded(tensor) or not is_sharded(example):
        return tensor.to(example.device)
    from torch.distributed.tensor import distribute_tensor

    mesh = example.device_mesh
    return distribute_tensor(tensor, mesh, example.placements, src_data_rank=None)


def overwrite(tensors: list[Tensor], others: list[Tensor]) -> None:
    """Copy other tensors into these, all in one call, which is faster on a GPU."""
    # PyTorch's optimizers use this function; its type stubs do not list it.
    torch._foreach_copy_(tensors, others)  # pyright: ignore[reportPrivateImportUsage]


@torch.no_grad()
def copy_weights(saved: Mapping[str, Tensor], model: nn.Module) -> None:
    """Copy weights, whole or sharded, to where the model has those of their names."""
    for name, tensor in unwrap(model).state_dict().items():
        tensor.copy_(placed_like(saved[name], tensor))
