"""Many processes that train one model: what they tell each other.

`python -m torch.distributed.run` starts them. Each draws the same batches and takes its
share of the rows; gradients and losses are averaged, so that together they take the
step that one process would take with the whole batch. With one process, nothing here
does anything.
"""

import functools
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from lib.train.objectives import Objective, token_loss


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


def count() -> int:
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
    if count() == 1:
        return mine
    parts = [torch.empty_like(mine) for _ in range(count())]
    dist.all_gather(parts, mine.contiguous())
    return torch.cat(parts)


def mean(value: Tensor) -> Tensor:
    """The mean of a tensor over all processes."""
    total = value.detach().clone()
    dist.all_reduce(total)
    return total / count()


def share(batches: Iterable[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
    """This process's rows of each batch: the first of two gets the first half.

    Raises ValueError for a batch whose rows cannot be shared out evenly.
    """
    for batch in batches:
        rows, left = divmod(len(batch[0]), count())
        if left:
            raise ValueError(
                f"a batch must be a multiple of {count()} processes, "
                f"got {len(batch[0])} rows"
            )
        mine = slice(rank() * rows, (rank() + 1) * rows)
        yield tuple(tensor[mine] for tensor in batch)


def spread(model: nn.Module, objective: Objective = token_loss) -> Objective:
    """The objective over all processes: each sees its rows, all get the mean.

    The gradients are averaged as they come, by PyTorch's `DistributedDataParallel`, and
    the weights of the first process become those of all. A batch must hold as many
    targets in every process for the mean over processes to be the mean over targets.
    """
    if count() == 1:
        return objective
    sharded = any(isinstance(weight, DTensor) for weight in model.parameters())
    synced = model if sharded else DistributedDataParallel(model)

    @functools.wraps(objective)
    def together(model: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
        loss = objective(synced if torch.is_grad_enabled() else model, batch)
        return loss - loss.detach() + mean(loss)

    return together


def shard(model: nn.Module) -> None:
    """Let each process keep a slice of every weight, with PyTorch's `fully_shard`."""
    from torch.distributed.fsdp import fully_shard

    for block in model.blocks:
        fully_shard(block)
    fully_shard(model)


def whole(tensor: Tensor) -> Tensor:
    """A tensor on the CPU; one that is sharded is put together first."""
    tensor = tensor.detach()
    return (tensor.full_tensor() if isinstance(tensor, DTensor) else tensor).cpu()


def part(tensor: Tensor) -> Tensor:
    """A tensor without its history, or this process's slice of one that is sharded."""
    tensor = tensor.detach()
    return tensor._local_tensor if isinstance(tensor, DTensor) else tensor


def placed_like(tensor: Tensor, example: Tensor) -> Tensor:
    """A whole tensor, on the example's device, or sharded over processes as that is."""
    if isinstance(example, DTensor):
        mesh, placements = example.device_mesh, example.placements
        return distribute_tensor(tensor, mesh, placements, src_data_rank=None)
    return tensor.to(example.device)
