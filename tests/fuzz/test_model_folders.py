"""A few of the mutated model folders and checkpoint files; ``python -m tests.fuzz.mutated_models 1000`` runs many."""

import warnings

from tests.fuzz.mutated_models import LOADED, REFUSED, cases


def test_mutated_models_are_refused_in_one_line_or_right():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = list(cases(60, seed=1))
    assert len(found) > 40
    for case in found:
        assert case.outcome in (REFUSED, LOADED), f"{case.mutation}: {case.outcome}\n{case.detail}"
    assert {case.outcome for case in found} == {REFUSED, LOADED}
