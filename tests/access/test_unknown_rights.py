"""What nobody can say the rights of is shown to nobody but those who see all."""

from __future__ import annotations

import pytest
from sqlalchemy import and_, create_engine, literal, null, select, true

from cache.queries.visible import as_it_was
from cache.viewer import EVERYTHING, PUBLIC, Viewer, scoped


@pytest.mark.parametrize(
    ("viewer", "private", "full_name", "seen"),
    [
        (PUBLIC, False, "acme/meta", True), (PUBLIC, True, "acme/meta", False), (PUBLIC, None, "acme/meta", False),
        (EVERYTHING, None, None, True),
        (scoped(owners=["acme"]), True, "Acme/meta", True), (scoped(owners=["acme"]), True, "zed/meta", False),
        (scoped(owners=["acme"]), True, None, False),
        (scoped(repositories=["acme/meta"]), True, "Acme/Meta", True),
        (scoped(repositories=["acme/meta"]), True, None, False),
    ],
)  # fmt: skip
def test_what_was_kept_of_a_repository_decides_and_nothing_kept_hides(
    viewer: Viewer, private: bool | None, full_name: str | None, seen: bool
) -> None:
    """Guards rows of repositories that are gone, of which only these two columns are left, or not even they."""
    columns = (null() if value is None else literal(value) for value in (private, full_name))
    with create_engine("sqlite://").connect() as connection:
        question = select(literal(1)).where(and_(true(), *as_it_was(viewer, *columns)))
        assert (connection.execute(question).first() is not None) is seen
