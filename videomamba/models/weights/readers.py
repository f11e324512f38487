"""Readers of other code bases' checkpoints, and the way from a name to a checkpoint."""

import dataclasses
from pathlib import Path
from typing import Any, Protocol

from videomamba.errors import UserError
from videomamba.files import whole_folder
from videomamba.models.config import VideoMambaConfig
from videomamba.models.weights import asformer, folder, opengvlab, swin, vim
from videomamba.models.weights.checkpoint import Checkpoint
from videomamba.models.weights.locate import locate
from videomamba.models.weights.published import published_checkpoints
from videomamba.models.weights.tensor_file import TensorFile, read_tensor_files


class Reader(Protocol):
    """What a module must have to read the files of a code base."""

    TITLE: str

    @property
    def LICENSE(self) -> str | None: ...  # of its files, as the Hub names it; None where nobody states one

    def claims(self, file: TensorFile) -> bool:
        """Whether these names are at all that code base's."""

    def read(self, file: TensorFile) -> Checkpoint:
        """The checkpoint, of equal outputs.

        Raises:
            UserError: names or shapes of no such model; the first ones are given.
        """


EXPORTED = (".onnx", ".pt2")  # files of `videomamba export`
READERS: dict[str, Reader] = {"vim": vim, "opengvlab": opengvlab, "swin": swin, "asformer": asformer}


def read_checkpoint(
    name: str | Path, *, origin: str | None = None, patch_stride: int | None = None, **download: Any
) -> Checkpoint:
    """The checkpoint that a name stands for.

    Args:
        name: a model folder, a run folder (its ``best/``), a file of one of :data:`READERS`, a published name
            (:mod:`videomamba.models.weights.published`), ``owner/name`` or ``hf-hub:owner/name[:file]`` on the Hub.
        origin: whose file it is, one of :data:`READERS`, where it does not tell.
        patch_stride: of overlapping patches in Vim's and OpenGVLab's files, which shapes cannot tell.
        download: ``revision``, ``cache_dir``, ``local_files_only``, ``token`` for the Hub.

    Raises:
        UserError: nothing there, or files that do not make a model; one line says which and why.
    """
    if origin is not None and origin not in READERS:
        raise UserError(f"unknown origin {origin!r}; choose one of {', '.join(READERS)}")
    path = locate(str(name), **download)
    if path.suffix in EXPORTED:
        raise UserError(
            f"{path} was written by `videomamba export` and holds no weights that could be read back: give the "
            "checkpoint that it was written from (predict, evaluate, segment and detect take .onnx files)"
        )
    if path.is_dir():
        if origin is not None or patch_stride is not None:
            raise UserError(
                f"{path} is a model folder, whose config.json says all of it; leave out origin and patch_stride"
            )
        return folder.read(path)
    row = published_checkpoints().get(path.stem)
    if row is not None and patch_stride is None:
        patch_stride = row.patch_stride
    told = [dataclasses.replace(f, origin=origin, patch_stride=patch_stride) for f in read_tensor_files(path)]
    file, reader = _claimed(path, told, origin)
    checkpoint = dataclasses.replace(reader.read(file.checked()), notes=file.notes, license=reader.LICENSE)
    if row is not None:
        checkpoint = row.applied_to(checkpoint)
    if patch_stride is not None and not isinstance(checkpoint.config, VideoMambaConfig):
        raise UserError(f"{path} is a file of {reader.TITLE}; patch_stride is for files of Vim and OpenGVLab")
    return checkpoint


def convert(
    source: str | Path,
    destination: Path,
    *,
    origin: str | None = None,
    patch_stride: int | None = None,
    **download: Any,
) -> Checkpoint:
    """Writes somebody else's checkpoint as a model folder, whole or not at all; arguments of :func:`read_checkpoint`.

    Raises:
        UserError: as :func:`read_checkpoint`, or something is at the destination already.
    """
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise UserError(f"{destination} is there already and not an empty folder; choose another or remove it")
    checkpoint = read_checkpoint(source, origin=origin, patch_stride=patch_stride, **download)
    with whole_folder(destination) as whole:
        folder.write(whole, checkpoint)
    return checkpoint


def _claimed(path: Path, files: list[TensorFile], origin: str | None) -> tuple[TensorFile, Reader]:
    """The dictionary of tensors that is a model's, and its reader."""
    readers = READERS.values() if origin is None else [READERS[origin]]
    fits = [(file, reader) for file in files for reader in readers if reader.claims(file)]
    usual = [(file, reader) for file, reader in fits if file.is_usual]
    if len(usual) == 1 or len(fits) == 1:
        file, reader = (usual or fits)[0]
        others = [_place(other) for other, _ in fits if other is not file]
        if others:
            note = f"{path} also holds weights under {', '.join(others)} (an average, such as EMA?); those under "
            file = dataclasses.replace(file, notes=(f"{note}{_place(file)} are taken",))
        return file, reader
    if fits:
        places = ", ".join(_place(file) for file, _ in fits)
        raise UserError(f"{path} holds several models, under {places}; save only the one you mean")
    if any(name.startswith("blocks.") for name in files[0].tensors):
        raise UserError(f"{path} is a file; a checkpoint is a folder with config.json beside it: give {path.parent}")
    names = ", ".join(list(files[0].tensors)[:3])
    known = ", ".join(reader.TITLE for reader in readers)
    places = (
        "" if files[0].keys == () and len(files) == 1 else f" under {', '.join(_place(file) for file in files[:8])}"
    )
    raise UserError(f"{path} holds no weights of {known}: it has tensors such as {names}{places}")


def _place(file: TensorFile) -> str:
    return ".".join(file.keys) or "its top level"
