"""Addresses: repository names, methods and paths, and how what is wrong with them is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORIES = [
    "a",
    "0",
    "a/b/c/d/e",
    "library/python",
    "a.b_c__d-e---f/g",
    "blobs",
    "a/blobs/b",
    "manifests/manifests",
    "tags/list",
    "referrers",
    "blobs/blobs",
    "repositories",
    "records",
    "x" * 255,
]


@pytest.mark.parametrize("name", REPOSITORIES)
def test_every_repository_name_works(hand: Any, name: str) -> None:
    """A name of the specification's grammar is pushed to, pulled from and listed, whatever its words."""
    data = hand.image(name)
    hand.push(name, "v1", data)
    assert hand.pull(name, "v1") == data
    assert hand.http.get(f"/v2/{name}/tags/list").json() == {"name": name, "tags": ["v1"]}
    assert hand.http.get("/v2/_catalog").json() == {"repositories": [name]}


@pytest.mark.parametrize(
    "name", ["A", "a//b", "-a", "a-", "a/", "/a", "a..b", "a___b", "_a", "a+b", "x" * 256]
)
@pytest.mark.parametrize("form", ["{}", "b/{}"])
def test_what_is_no_name_is_refused(hand: Any, code: Callable[[Any], str], name: str, form: str) -> None:
    """400 NAME_INVALID, and nothing of it reaches the store."""
    for method, address in (("POST", "blobs/uploads/"), ("GET", "tags/list")):
        answer = hand.http.request(method, f"/v2/{form.format(name)}/{address}")
        assert (answer.status_code, code(answer)) == (400, "NAME_INVALID")


@pytest.mark.parametrize("name", ["a/%2E%2E/b", "a%2F..%2Fb", "%C3%A4", "a%00", "%2e", "%2E%2E"])
def test_a_name_hidden_in_percent_signs_is_refused(hand: Any, code: Callable[[Any], str], name: str) -> None:
    """What a name is decoded to is judged."""
    answer = hand.http.post(f"/v2/{name}/blobs/uploads/")
    assert (answer.status_code, code(answer)) == (400, "NAME_INVALID")


@pytest.mark.parametrize(
    "path", ["/", "/v1/", "/v2/a", "/v2/a/blobs/", "/v2/a/tags", "/v2//", "/v3/a/tags/list"]
)
def test_what_is_no_address_is_unknown(hand: Any, code: Callable[[Any], str], path: str) -> None:
    """404 with the body of the specification."""
    answer = hand.http.get(path)
    assert (answer.status_code, code(answer)) == (404, "UNSUPPORTED")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v2/", "GET"),
        ("DELETE", "/v2/_catalog", "GET"),
        ("PUT", "/v2/a/blobs/sha256:0", "DELETE, GET"),
        ("GET", "/v2/a/blobs/uploads/", "POST"),
        ("POST", "/v2/a/manifests/x", "DELETE, GET, PUT"),
        ("OPTIONS", "/v2/a/blobs/uploads/1", "DELETE, GET, PATCH, PUT"),
        ("POST", "/v2/a/referrers/x", "GET"),
    ],
)
def test_a_method_that_an_address_does_not_have(
    hand: Any, code: Callable[[Any], str], method: str, path: str, allowed: str
) -> None:
    """405 UNSUPPORTED with Allow."""
    answer = hand.http.request(method, path)
    assert (answer.status_code, code(answer)) == (405, "UNSUPPORTED")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_the_version_is_answered(hand: Any, path: str) -> None:
    """`/v2/` says that this is a registry, in the old way as well."""
    answer = hand.http.get(path)
    assert (answer.status_code, answer.json()) == (200, {})
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"


def test_a_digest_may_come_percent_encoded(hand: Any) -> None:
    """`sha256%3A...` is the same address."""
    url = f"/v2/a/blobs/{hand.blob('a', b'{}')}".replace(":", "%3A")
    assert hand.http.get(url).content == b"{}"
