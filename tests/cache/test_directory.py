"""The directory of repositories: what a selector selects, found without asking every repository every time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cache.model import Repository
from cache.profile.collection import RepositorySelector
from cache.projection.directory import directory

OWNERS, NAMES, TOPICS = ("acme", "ACME", "beta"), ("a", "A-b", "team-x"), ("red", "blue")
REPOSITORIES = st.lists(
    st.builds(
        Repository,
        id=st.integers(1, 6),
        owner=st.sampled_from(OWNERS),
        name=st.sampled_from(NAMES),
        topics=st.lists(st.sampled_from(TOPICS), unique=True).map(tuple),
    ),
    unique_by=lambda repository: repository.id,
)
SELECTORS = st.one_of(
    st.builds(RepositorySelector, full_name=st.sampled_from(["acme/a", "Beta/Team-X", "acme/none"])),
    st.builds(
        RepositorySelector,
        owner=st.sampled_from(OWNERS),
        name=st.sampled_from([None, "*", "a*", "TEAM-?", "b"]),
        topic=st.sampled_from([None, *TOPICS]),
    ),
)


@given(REPOSITORIES, st.lists(SELECTORS, min_size=1, max_size=4))
def test_it_selects_what_each_selector_selects(
    repositories: list[Repository], selectors: list[RepositorySelector]
) -> None:
    told = directory(repositories)
    for selector in (*selectors, *selectors):
        assert told.select(selector) == tuple(each.id for each in repositories if selector.selects(each))


def test_what_was_selected_holds_until_a_name_or_a_topic_changes() -> None:
    """Guards: rows of a repository that lost its topic; and work for every block whenever anything is read."""
    before = [Repository(1, "acme", "a", topics=("red",)), Repository(2, "acme", "b")]
    read_again = [Repository(1, "acme", "a", topics=("red",), description="new", default_branch="main"), before[1]]
    changed = [before[0], Repository(2, "acme", "b", topics=("red",))]
    assert directory(before) is directory(read_again)
    assert directory(changed).select(RepositorySelector(owner="acme", topic="red")) == (1, 2)
