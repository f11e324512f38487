"""Results that go when what they are of is changed."""

import pytest

from videomamba.app.cleared import cleared_if_refused
from videomamba.errors import UserError


def test_what_is_refused_leaves_nothing():
    @cleared_if_refused(lambda: {"said": ""})
    def work(kind):
        yield {"said": "reading"}
        raise kind("bad")

    steps = work(UserError)
    assert [next(steps), next(steps)] == [{"said": "reading"}, {"said": ""}]
    with pytest.raises(UserError, match="bad"):
        next(steps)
    with pytest.raises(KeyError):
        list(work(KeyError))
