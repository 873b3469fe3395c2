"""Tags and repositories, sorted and in pages (distribution-spec "Listing Tags")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazyimg.server.paging import lexical, page

if TYPE_CHECKING:
    from collections.abc import Callable

TAGS = ["1", "10", "2", "_x", "Latest", "latest", "v1.0"]


def test_tags_are_sorted(hand: Any) -> None:
    """The list has every tag once, in lexical order, which does not tell capital letters from small ones."""
    data = hand.image("a/b")
    for tag in reversed(TAGS):
        hand.push("a/b", tag, data)
    answer = hand.http.get("/v2/a/b/tags/list")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"name": "a/b", "tags": TAGS}


def test_a_repository_without_tags_has_an_empty_list(hand: Any) -> None:
    """A repository that has blobs alone has tags: []."""
    hand.blob("a", b"{}")
    assert hand.http.get("/v2/a/tags/list").json() == {"name": "a", "tags": []}


def test_an_unknown_repository_has_no_list(hand: Any, code: Callable[[Any], str]) -> None:
    """404 NAME_UNKNOWN."""
    answer = hand.http.get("/v2/unknown/tags/list")
    assert (answer.status_code, code(answer)) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize(
    ("query", "expected", "following"),
    [
        ("n=3", TAGS[:3], "n=3&last=2"),
        ("n=3&last=2", TAGS[3:6], "n=3&last=latest"),
        ("n=3&last=latest", TAGS[6:], None),
        ("n=7", TAGS, None),
        ("n=0", [], None),
        ("last=2", TAGS[3:], None),
        ("last=20", TAGS[3:], None),
        ("last=zzz", [], None),
        ("n=99999999999999999999", TAGS, None),
    ],
)
def test_tags_are_paged(hand: Any, query: str, expected: list[str], following: str | None) -> None:
    """`n` limits, `last` goes on behind a tag whether it exists or not, and Link names the next page."""
    data = hand.image("a")
    for tag in TAGS:
        hand.push("a", tag, data)
    answer = hand.http.get(f"/v2/a/tags/list?{query}")
    assert answer.json()["tags"] == expected
    link = f'</v2/a/tags/list?{following}>; rel="next"' if following else None
    assert answer.headers.get("link") == link


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "", "²"])
def test_a_number_that_is_none_is_refused(hand: Any, code: Callable[[Any], str], number: str) -> None:
    """`n` is a number, 0 or more."""
    hand.blob("a", b"{}")
    answer = hand.http.get("/v2/a/tags/list", params={"n": number})
    assert (answer.status_code, code(answer)) == (400, "UNSUPPORTED")


def test_repositories_are_sorted_and_paged(hand: Any) -> None:
    """The catalog lists what was pushed to, in pages like the tags."""
    for name in ("b", "a/b/c", "a"):
        hand.blob(name, b"{}")
    assert hand.http.get("/v2/_catalog").json() == {"repositories": ["a", "a/b/c", "b"]}
    answer = hand.http.get("/v2/_catalog?n=2")
    assert answer.json() == {"repositories": ["a", "a/b/c"]}
    assert answer.links["next"]["url"] == "/v2/_catalog?n=2&last=a%2Fb%2Fc"
    assert hand.http.get(answer.links["next"]["url"]).json() == {"repositories": ["b"]}


def test_a_begun_upload_makes_no_repository(hand: Any) -> None:
    """A repository is known when something was pushed to it, not before."""
    hand.begin("a")
    assert hand.http.get("/v2/_catalog").json() == {"repositories": []}
    assert hand.http.get("/v2/a/tags/list").status_code == 404


@settings(deadline=None)
@given(st.sets(st.text(alphabet="abAB_.-1", min_size=1)), st.integers(1, 5))
def test_pages_together_are_the_list(names: set[str], number: int) -> None:
    """Following the links gives every name once, in order."""
    query, found, everything = {"n": str(number)}, [], sorted(names, key=lexical)
    while True:
        names_of_page, headers = page(everything, "/", query)
        found += names_of_page
        if not headers:
            break
        query["last"] = names_of_page[-1]
    assert found == everything
