"""Options of the command line that are fields of a run's configuration, with the fields' documentation as help."""

import contextlib
import dataclasses
import inspect
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, TypedDict, get_args, get_origin, get_type_hints

import tyro
from tyro.conf import Suppress

from videomamba.cli.common.options import default_workers
from videomamba.data import Augmentation
from videomamba.engine import DataConfig, ModelChoice, OptimConfig, RunConfig
from videomamba.errors import FieldError, UserError
from videomamba.tasks.catalogue import task_model

CONFIGS = (RunConfig, DataConfig, ModelChoice, OptimConfig, Augmentation)
Given = Mapping[str, Any]  # field -> value, of the options that were given


def _hints(config: type) -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    """Name, type and annotations of each field that is no configuration itself."""
    for name, hint in get_type_hints(config, include_extras=True).items():
        kind, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if kind not in CONFIGS:
            yield name, kind, tuple(marks)


def _option(name: str, marks: tuple[Any, ...]) -> tuple[str, str | None]:
    """An option without its dashes, and what it is given."""
    arg = next((mark for mark in marks if mark is not Suppress), None)
    return getattr(arg, "name", None) or name.replace("_", "-"), getattr(arg, "metavar", None)


# fields that are options, and the options of all fields for messages
_FIELDS = {c: tuple(name for name, _, marks in _hints(c) if Suppress not in marks) for c in CONFIGS}
OPTIONS = {
    name: " ".join(filter(None, (f"--{_option(name, marks)[0]}", _option(name, marks)[1])))
    for config in CONFIGS
    for name, _, marks in _hints(config)
    if marks or name in _FIELDS[config]
} | {"resume": "--resume"}


def options(*, without: Collection[str] = ()) -> tuple[Any, dict[str, bool]]:
    """The type of a parameter whose keys are options, and its default.

    Args:
        without: fields that are no options of this verb.
    """
    keys: dict[str, Any] = {}
    switches: dict[str, bool] = {}
    texts = []
    for config in CONFIGS:
        for name, kind, marks in _hints(config):
            if name in without or name not in _FIELDS[config]:
                continue
            option, metavar = _option(name, marks)
            keys[name] = Annotated[kind, tyro.conf.arg(name=option, metavar=metavar, help_behavior_hint="")]
            if kind is bool:
                switches[name] = False
                if getattr(config, name):  # on by default, so there is a way to turn it off
                    either = tyro.conf.create_mutex_group(required=False, title=name.replace("_", " "))
                    keys[name] = Annotated[keys[name], either]
                    keys[f"no_{name}"] = Annotated[bool, either, tyro.conf.arg(help_behavior_hint="")]
                    switches[f"no_{name}"] = False
        texts.append(inspect.cleandoc(config.__doc__ or "").partition("Attributes:\n")[2].partition("\n\n")[0])
    made = TypedDict("Options", keys, total=False)  # type: ignore[misc]
    made.__doc__ = "Options.\n\nAttributes:\n" + "\n".join(texts)
    return Annotated[made, tyro.conf.OmitArgPrefixes, tyro.conf.arg(name="")], switches


def given(flags: Given) -> dict[str, Any]:
    """Field -> value of the options that were given."""
    values = {name: value for name, value in flags.items() if value is not False}
    for name in [name for name in values if name.startswith("no_")]:
        del values[name]
        values[name.removeprefix("no_")] = False
    return values


def configured(run: RunConfig, values: Given) -> RunConfig:
    """A recipe's run with the options that were given.

    Raises:
        UserError: a value that is not allowed, or an architecture that the run's task cannot train.
    """
    values = {"workers": default_workers(), **values}
    if "name" in values:
        values["name"] = task_model(run.task, values["name"])
    if "epochs" in values:
        values.setdefault("min_steps", 0)
    _check_used(run, values)
    optim = run.optim
    if "batch_size" in values:
        optim = dataclasses.replace(optim, total_batch=None)
    data = _with(run.data, values, augmentation=_with(run.data.augmentation, values))
    return _with(run, values, data=data, model=_with(run.model, values), optim=_with(optim, values))


def _check_used(run: RunConfig, values: Given) -> None:
    """
    Raises:
        FieldError: an option that would change nothing in this run.
    """
    if {"batch_size", "total_batch"} <= values.keys():
        raise FieldError("{batch_size} follows from {total_batch}: give one of them", "batch_size", "total_batch")
    augmented = [name for name in _FIELDS[Augmentation] if name in values]
    if run.task == "segmentation" and augmented:
        raise FieldError(f"features of frames are not augmented: leave out {{{augmented[0]}}}", augmented[0])
    schedule = values.get("schedule", run.optim.schedule)
    for name in ("warmup_epochs", "min_lr"):
        if schedule == "plateau" and name in values:
            raise FieldError(f"{{schedule}} has no use for {{{name}}}; leave it out", name, schedule=schedule)
    for name in ("rand_magnitude", "rand_deviation", "rand_prob"):
        if name in values and not values.get("rand_ops", run.data.augmentation.rand_ops):
            raise FieldError(f"{{{name}}} needs {{rand_ops}}, how many operations there are", name, "rand_ops")


def _with(config: Any, values: Given, **parts: Any) -> Any:
    fields = {name: values[name] for name in _FIELDS[type(config)] if name in values}
    return dataclasses.replace(config, **fields, **parts)


@contextlib.contextmanager
def errors_name_options(**more: str) -> Iterator[None]:
    """What is wrong with a configuration's field is said of the option that sets it.

    Args:
        **more: field -> option, beside :data:`OPTIONS`.
    """
    try:
        yield
    except FieldError as error:
        raise UserError(error.by({**OPTIONS, **more})) from error
