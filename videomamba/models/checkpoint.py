"""Where a checkpoint's name leads: a model folder, a run, Vim's or OpenGVLab's file, the Hub; and conversion."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from videomamba.errors import UserError
from videomamba.models import folder
from videomamba.models.folder import CONFIG, WEIGHTS, Checkpoint
from videomamba.models.foreign import from_foreign, is_foreign
from videomamba.models.foreign_swin import from_swin, is_swin
from videomamba.models.tensor_file import SUFFIXES, read_tensor_file

_HUB = "hf-hub:"


def read_checkpoint(
    name: str | Path, *, origin: str | None = None, patch_stride: int | None = None, **download: Any
) -> Checkpoint:
    """The checkpoint that a name stands for.

    Args:
        name: a model folder, a run folder (its ``best/``), a file of Vim's, OpenGVLab's VideoMamba or torchvision's
            Swin-T, ``owner/name`` or ``hf-hub:owner/name[:file]`` on the Hub.
        origin, patch_stride: for files that do not tell, see :func:`videomamba.models.foreign.from_foreign`.
        download: ``revision``, ``cache_dir``, ``local_files_only``, ``token`` for the Hub.

    Raises:
        UserError: nothing there, or files that do not make a model; one line says which and why.
    """
    path = _locate(str(name), **download)
    if path.is_dir():
        return folder.read(path)
    weights, model_name = read_tensor_file(path)
    if any(name.startswith("blocks.") for name in weights) and not is_foreign(weights):
        raise UserError(f"{path} is a file; a checkpoint is a folder with {CONFIG} and {WEIGHTS}: give {path.parent}")
    if is_swin(weights):
        return from_swin(weights, path)
    return from_foreign(weights, path, origin=origin, model_name=model_name, patch_stride=patch_stride)


def convert(
    source: str | Path,
    destination: Path,
    *,
    origin: str | None = None,
    patch_stride: int | None = None,
    **download: Any,
) -> Checkpoint:
    """Writes a checkpoint of Vim's or OpenGVLab's VideoMamba as a model folder; arguments of :func:`read_checkpoint`.

    The folder appears whole or not at all.

    Raises:
        UserError: as :func:`read_checkpoint`, or something is at the destination already.
    """
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise UserError(f"{destination} is there already and not an empty folder; choose another or remove it")
    checkpoint = read_checkpoint(source, origin=origin, patch_stride=patch_stride, **download)
    destination.parent.mkdir(parents=True, exist_ok=True)
    whole = Path(tempfile.mkdtemp(dir=destination.parent, prefix=f".{destination.name}."))
    try:
        folder.write(whole, checkpoint)
        whole.chmod(0o755)  # mkdtemp makes folders that only their owner may read
        whole.replace(destination)
    except BaseException:
        shutil.rmtree(whole, ignore_errors=True)
        raise
    return checkpoint


def _locate(name: str, **download: Any) -> Path:
    """The model folder or the file on this machine, downloaded if need be."""
    if name.startswith(_HUB):
        return _from_hub(name.removeprefix(_HUB), **download)
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        return _model_folder(path)
    if not _may_be_hub_id(name):
        raise UserError(
            f"there is no checkpoint {name}: expected a model folder, a run folder, a file of Vim's or OpenGVLab's, "
            "or a Hub id owner/name"
        )
    return _from_hub(name, **download)


def _model_folder(path: Path) -> Path:
    for candidate in (path, path / "best"):
        if (candidate / WEIGHTS).is_file():
            if not (candidate / CONFIG).is_file():
                raise UserError(f"{candidate} has {WEIGHTS} but no {CONFIG}; both make a checkpoint")
            return candidate
    inside = sorted(str(p) for p in path.glob("*/best") if (p / WEIGHTS).is_file())
    hint = f"; did you mean {' or '.join(inside)}?" if inside else ""
    raise UserError(f"{path} holds no checkpoint: expected {WEIGHTS} in it or in its folder best/{hint}")


def _may_be_hub_id(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith(("/", *SUFFIXES))


def _from_hub(name: str, **download: Any) -> Path:
    """A snapshot in our layout, else the file named behind the colon or the only one with weights."""
    repository, _, file = name.partition(":")
    try:
        if not file:
            snapshot = Path(snapshot_download(repository, allow_patterns=[CONFIG, WEIGHTS], **download))
            if (snapshot / CONFIG).is_file() and (snapshot / WEIGHTS).is_file():
                return snapshot
            file = _only_weights(repository, snapshot, **download)
        return Path(hf_hub_download(repository, file, **download))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        where = f"folder {name}" if not file else f"file {file} of {repository} on this machine"
        raise UserError(f"there is no {where}, and the Hub has no model of that name for us: {reason}") from error


def _only_weights(repository: str, snapshot: Path, **download: Any) -> str:
    try:
        if download.get("local_files_only"):
            raise ConnectionError
        files = HfApi().list_repo_files(repository, revision=download.get("revision"), token=download.get("token"))
    except Exception:  # whatever the Hub's client raises without a network: then what the cache has
        files = [str(path.relative_to(snapshot)) for path in snapshot.rglob("*") if path.is_file()]
    weights = sorted(name for name in files if name.endswith(SUFFIXES))
    if len(weights) == 1:
        return weights[0]
    found = f"{len(weights)} files of weights: {', '.join(weights[:3])}{' ...' if len(weights) > 3 else ''}"
    raise UserError(f"{repository} has no {CONFIG} with {WEIGHTS}, and {found}; name one: {_HUB}{repository}:FILE")
