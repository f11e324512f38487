"""The rows of the paper's own tables."""

import csv
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "fixtures" / "paper.csv"


def published():
    with SOURCE.open(newline="") as file:
        return [tuple(row.values()) for row in csv.DictReader(file)]
