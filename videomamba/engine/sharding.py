"""Parameters, gradients and optimiser state split over the processes: PyTorch's fully_shard (FSDP2)."""

from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from videomamba.errors import UserError


def check_processes(processes: int) -> None:
    """
    Raises:
        UserError: there is one process only.
    """
    if processes < 2:
        raise UserError(
            "fsdp needs several processes: launch with `torchrun --nproc-per-node N -m videomamba.cli.main`"
        )


def shard(model: nn.Module, device_type: str, processes: int) -> None:
    """Shards each of the model's ``blocks``, where it has them, and what is left over all processes."""
    mesh = init_device_mesh(device_type, (processes,))
    for block in getattr(model, "blocks", ()):
        fully_shard(block, mesh=mesh)
    fully_shard(model, mesh=mesh)
