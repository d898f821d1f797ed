"""Two requests for one repository become one that looks at what either looks at."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.work.scope import Scope, merge

SCOPES = st.builds(Scope, st.frozensets(st.integers(1, 5)), st.booleans(), st.booleans(), st.booleans())


@given(SCOPES, SCOPES)
def test_a_merged_scope_is_the_least_that_holds_both(one: Scope, other: Scope) -> None:
    """Guards against a delivery's pull request, or a wish to read all again, that another request swallows."""
    merged = merge(one, other)
    assert merged.pulls == {*one.pulls, *other.pulls}
    assert merged.all_pulls is (one.all_pulls or other.all_pulls)
    assert merged.again is (one.again or other.again)
    assert merged.deferred is (one.deferred and other.deferred), "who asks for something new does not wait"
    assert merged == one.merge(other) == other.merge(one)
    assert merge(one, Scope(deferred=True)) == one
