"""What was made once is not made again while all that it is made of stays; what nobody asks for is forgotten."""

from __future__ import annotations

import pytest

from cache.projection.recall import Places, Recall


def test_a_value_is_made_once_for_what_it_is_made_of() -> None:
    """Guards the cost: the very object comes back, for equal parts too, so that nothing compares it further."""
    recall: Recall[list[str]] = Recall()
    one = recall.made("here", (1, "a"), lambda: ["first"])
    assert recall.made("here", (1, "a"), lambda: ["again"]) is one
    assert recall.made("there", (1, "a"), lambda: ["elsewhere"]) == ["elsewhere"]


def test_another_part_makes_it_anew_and_one_that_cannot_be_compared_is_its_own() -> None:
    """Guards each part by itself: the first, the last, and `nan`, which is the same as itself and not equal."""
    recall: Recall[str] = Recall()
    for parts in ((1, 2), (3, 2), (3, 4)):
        assert recall.made("here", parts, lambda parts=parts: str(parts)) == str(parts)
    odd = float("nan")
    assert recall.made("odd", (odd,), lambda: "first") == recall.made("odd", (odd,), lambda: "second") == "first"
    with pytest.raises(ValueError, match="shorter"):
        recall.made("here", (3,), lambda: "fewer parts are a mistake of the caller")


def test_what_is_not_asked_for_in_a_round_is_forgotten() -> None:
    """Guards memory: what was asked for, or put there, stays for the next round; the rest goes."""
    places: Places[str] = Places()
    places["asked"], places["other"] = "a", "o"
    places.end_round()
    assert (places["asked"], places["asked"], len(places)) == ("a", "a", 2)
    places.end_round()
    assert (places.get("asked"), places.get("other"), len(places)) == ("a", None, 1)
    places["asked"] = "b"
    assert places["asked"] == "b"
    places.end_round()
    assert places["asked"] == "b"
