"""What a checkpoint's name refers to: a model folder, a run folder, a file, a published checkpoint, or the Hub."""

import difflib
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_download, hf_hub_url, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from videomamba.errors import UserError
from videomamba.models.weights.folder import CONFIG, WEIGHTS
from videomamba.models.weights.published import Published, published_checkpoints
from videomamba.models.weights.tensor_file import SUFFIXES

_HUB = "hf-hub:"
_PATIENCE = 5  # seconds until the Hub has answered


def locate(name: str, **download: Any) -> Path:
    """The model folder or the file on this machine, downloaded if need be.

    Raises:
        UserError: nothing there; the line has names that are near.
    """
    if name.startswith(_HUB):
        return _from_hub(name.removeprefix(_HUB), **download)
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        return _model_folder(path)
    if name in published_checkpoints():
        return _download(published_checkpoints()[name], **download)
    if _is_hub_id(name):
        return _from_hub(name, **download)
    raise UserError(
        f"there is no checkpoint {name}{_near(path)}: expected a model folder, a run folder, a checkpoint file, a "
        "published name (`videomamba models --pretrained`), or a Hub id owner/name"
    )


def _download(row: Published, **download: Any) -> Path:
    """The file of a published checkpoint: put there by hand, of the Hub's cache, or downloaded with a progress bar.

    A file in the cache is taken without asking the Hub.
    """
    by_hand = Path(constants.HF_HOME) / "videomamba" / row.file
    if by_hand.is_file():
        return by_hand
    try:
        return Path(hf_hub_download(row.repository, row.file, **{**download, "local_files_only": True}))
    except LocalEntryNotFoundError:
        reason = "the network may not be used"
    if not download.get("local_files_only"):
        try:
            # asked once: without a network hf_hub_download asks for half a minute
            url = hf_hub_url(row.repository, row.file, revision=download.get("revision"))
            get_hf_file_metadata(url, token=download.get("token"), timeout=_PATIENCE)
            return Path(hf_hub_download(row.repository, row.file, **download))
        except Exception as error:  # whatever the Hub's client and its HTTP library raise
            reason = _reason(error)
    raise UserError(
        f"{row.name} is not on this machine and cannot be downloaded ({reason}); get "
        f"{hf_hub_url(row.repository, row.file)} and put it at {by_hand}, or name the file where it lies"
    )


def _is_hub_id(name: str) -> bool:
    """``owner/name``, unless it is a path: our own ``runs/``, a suffix of weights, or a folder that is here."""
    owner, _, rest = name.partition("/")
    is_path = owner in ("", ".", "..", "~", "runs") or name.endswith((".model", *SUFFIXES)) or Path(owner).exists()
    return bool(rest) and "/" not in rest and "\\" not in name and not is_path


def _near(path: Path) -> str:
    """Folders and files of a name like the first part of the path that is not there, and published names."""
    missing = next((p for p in (*reversed(path.parents), path) if not p.exists()), path)
    there = {name: name for name in published_checkpoints()} if len(path.parts) == 1 else {}
    try:
        there |= {p.name: str(p) for p in missing.parent.iterdir() if not p.name.startswith(".")}
    except OSError:
        return ""
    near = difflib.get_close_matches(missing.name, there, n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(there[name] for name in near)}?" if near else ""


def _model_folder(path: Path) -> Path:
    for candidate in (path, path / "best"):
        if (candidate / WEIGHTS).is_file():
            if not (candidate / CONFIG).is_file():
                raise UserError(f"{candidate} has {WEIGHTS} but no {CONFIG}; both make a checkpoint")
            return candidate
    inside = sorted(str(p) for p in path.glob("*/best") if (p / WEIGHTS).is_file())
    hint = f"; did you mean {' or '.join(inside)}?" if inside else ""
    raise UserError(f"{path} holds no checkpoint: expected {WEIGHTS} in it or in its folder best/{hint}")


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
        where = f"folder {name}" if not file else f"file {file} of {repository} on this machine"
        answered = any(isinstance(e, HfHubHTTPError | HFValidationError) for e in (error, error.__cause__))
        hub = "the Hub has no model of that name" if answered else "the Hub could not be asked"
        raise UserError(f"there is no {where}, and {hub}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].removeprefix("Got: ")


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
