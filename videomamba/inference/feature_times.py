"""The times of a video's features, from the json beside their file."""

import math
from dataclasses import dataclass
from pathlib import Path

from videomamba.errors import UserError
from videomamba.files import read_json


@dataclass(frozen=True)
class FeatureTimes:
    """The times of a video's features.

    Attributes:
        fps: features per second, on average; None if unknown.
        moments: (T + 1,) seconds of each feature, and of the end, where the rate varies; else None.
    """

    fps: float | None = None
    moments: tuple[float, ...] | None = None

    def seconds(self, feature: int) -> float | None:
        """When a feature begins; the number of features gives the end."""
        if self.moments is not None:
            return self.moments[feature]
        return feature / self.fps if self.fps else None


def times_beside(features: Path) -> FeatureTimes:
    """The contents of the json beside a file of features; empty if there is none.

    Raises:
        UserError: the json has a rate that is not possible.
    """
    beside = features.with_suffix(".json")
    try:
        values = read_json(beside)
        fps, stride, moments = values["fps"], values["stride"], values.get("seconds")
    except (UserError, KeyError, TypeError):  # none, or one of something else
        return FeatureTimes()
    try:
        rate = float(fps) / int(stride)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        rate = math.nan
    if not is_rate(rate):
        raise UserError(f"{beside}: fps {fps} over stride {stride} is not a rate {RATES}; --fps X overrides it")
    if moments is not None and not (isinstance(moments, list) and all(type(m) in (int, float) for m in moments)):
        raise UserError(f"{beside}: seconds is not a list of numbers")
    return FeatureTimes(rate, None if moments is None else tuple(moments))


RATES = "between 1e-6 and 1e6"


def is_rate(fps: float) -> bool:
    """Whether this number of features per second is possible."""
    return 1e-6 <= fps <= 1e6  # not NaN
