"""Which output of a head has which name."""

from collections.abc import Sequence

from videomamba.errors import UserError


def one_per_class(names: Sequence[str] | None, num_classes: int) -> tuple[str, ...] | None:
    """
    Raises:
        UserError: as many names as are not the number of classes.
    """
    if names is not None and len(names) != num_classes:
        raise UserError(f"{len(names)} class names for num_classes={num_classes}; give one name per class")
    return None if names is None else tuple(names)


def order_of(new: Sequence[str], old: Sequence[str] | None, num_classes: int) -> list[int] | None:
    """For each new name the old output that has it; None where the two are not the same names.

    Outputs without names have the new ones in the order given, whole numbers in natural order.
    """
    if len(new) != num_classes:
        return None
    if old is None:
        are_numbers = all(name.isascii() and name.isdigit() for name in new)
        old = sorted(new, key=int) if are_numbers else new
    if set(new) != set(old) or len(set(new)) != len(new):
        return list(range(len(new))) if tuple(new) == tuple(old) else None
    places = {name: i for i, name in enumerate(old)}
    return [places[name] for name in new]


def listed(names: Sequence[str]) -> str:
    """The number of names and the first of them, for a line of text."""
    return f"{len(names)} classes ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"
