"""What a configuration's field may be; each raises a ValueError that names it."""

from videomamba.errors import UserError


def whole(name: str, value: object, *, at_least: int) -> None:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
        raise UserError(f"{name}={value!r}; it must be a whole number, at least {at_least}")


def choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """One of some names."""
    if value not in allowed:
        raise UserError(f"{name}={value!r}; choose one of {', '.join(allowed)}")


def share(name: str, value: object) -> None:
    """A number from 0 to 1, the latter not included."""
    if not isinstance(value, int | float) or not 0 <= value < 1:
        raise UserError(f"{name}={value!r}; it must be at least 0 and below 1")
