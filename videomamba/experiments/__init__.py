"""Runs and grids of runs: a recipe's, one for each published split, the paper's studies. No command line is needed.

Example:
    >>> from pathlib import Path
    >>> from videomamba.experiments import run, run_splits, run_study, study_of
    >>> from videomamba.recipes import folder
    >>> result = run(folder(Path("clips")))  # doctest: +SKIP
    >>> result.last["top1"]  # doctest: +SKIP
    0.975
    >>> figures = run_study(study_of("order"), folder(Path("clips")), Path("runs/order"))  # doctest: +SKIP
"""

from videomamba.experiments.shuffle import compare_shuffles
from videomamba.experiments.single_run import RunResult, run
from videomamba.experiments.splits import run_splits
from videomamba.experiments.study import Study, Variant, run_study, study_of

__all__ = ["RunResult", "Study", "Variant", "compare_shuffles", "run", "run_splits", "run_study", "study_of"]
