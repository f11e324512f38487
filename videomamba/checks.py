"""Checks of configuration fields; each raises a UserError that names field, value and what is allowed."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from videomamba.errors import UserError


def check_int(name: str, value: object, *, at_least: int) -> None:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise UserError(f"{name}={value!r}; it must be a whole number, at least {at_least}")


def check_choice(name: str, value: object, allowed: Sequence[str]) -> None:
    """One of some names."""
    if value not in allowed:
        raise UserError(f"{name}={value!r}; choose one of {', '.join(allowed)}")


def check_fraction(name: str, value: object) -> None:
    """A number from 0 to 1, 1 excluded."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise UserError(f"{name}={value!r}; it must be at least 0 and below 1")


def check_bool(name: str, value: object) -> None:
    """Yes or no."""
    if not isinstance(value, bool):
        raise UserError(f"{name}={value!r}; it must be true or false")


def check_known(what: str, names: Iterable[str], kind: type[Any]) -> None:
    """Names of fields that a dataclass has; ``what`` says what they are."""
    known = [field.name for field in dataclasses.fields(kind)]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise UserError(f"unknown {what} {', '.join(unknown)}; known are {', '.join(known)}")
