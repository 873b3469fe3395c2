"""Who may do what: users, denied repositories, a registry that is read only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

USERS = {"anna": "pass:word", "bärbel": "geheim ß"}


def test_a_registry_with_users_challenges_strangers(code: Callable[[Any], str]) -> None:
    """Without, or with wrong, credentials every address answers 401 UNAUTHORIZED and asks for Basic."""
    with Registry(users=USERS) as registry, httpx.Client(base_url=registry.url) as http:
        for headers in (
            {},
            {"Authorization": "Bearer token"},
            {"Authorization": "Basic"},
            {"Authorization": "Basic !!!"},
            {"Authorization": "Basic /w=="},
        ):
            for path in ("/v2/", "/v2/a/tags/list", "/nowhere"):
                answer = http.get(path, headers=headers)
                assert (answer.status_code, code(answer)) == (401, "UNAUTHORIZED")
                assert answer.headers["www-authenticate"].startswith("Basic realm=")
        for credentials in (("anna", "wrong"), ("nobody", "pass:word"), ("anna", "")):
            assert http.get("/v2/", auth=credentials).status_code == 401


@pytest.mark.parametrize("user", USERS)
def test_a_registry_with_users_lets_them_in(hand_of: Any, user: str) -> None:
    """The right password, colons and umlauts included, may do everything."""
    with Registry(users=USERS) as registry:
        basic = httpx.BasicAuth(user.encode(), USERS[user].encode())
        with httpx.Client(base_url=registry.url, auth=basic) as http:
            hand_of(http).push("a", "v1", hand_of(http).image("a"))


def test_no_password_is_kept_where_it_shows() -> None:
    """Neither the registry nor a request it remembers shows a credential."""
    with Registry(users=USERS) as registry:
        httpx.get(f"{registry.url}/v2/", auth=("anna", "pass:word"))
        [request] = registry.requests
        assert request.headers["authorization"] == "Basic ***"
        for shown in (repr(registry), repr(request), repr(registry._context.access), repr(registry._gate)):
            assert "pass" not in shown


def test_a_denied_repository_refuses_pushes(
    registry: Registry, hand: Any, code: Callable[[Any], str]
) -> None:
    """`deny` answers 403 DENIED to whatever changes the repository, and to nothing else."""
    data = hand.image("team/app")
    hand.push("team/app", "v1", data)
    location = hand.begin("team/app")
    registry.deny("team/app")
    for method, url in (
        ("POST", "/v2/team/app/blobs/uploads/"),
        ("POST", "/v2/team/app/blobs/uploads"),
        ("PATCH", location),
        ("PUT", location),
        ("PUT", "/v2/team/app/manifests/v1"),
        ("DELETE", "/v2/team/app/manifests/v1"),
        ("DELETE", f"/v2/team/app/blobs/{hand.digest(b'{}')}"),
    ):
        answer = hand.http.request(method, url, content=b"body")
        assert (answer.status_code, code(answer)) == (403, "DENIED")
    assert hand.pull("team/app", "v1") == data
    hand.begin("team/other")
    assert hand.http.get("/v2/").status_code == 200
    registry.allow("team/app")
    hand.begin("team/app")


def test_a_pattern_denies_many_repositories_and_reads_too(registry: Registry, hand: Any) -> None:
    """A shell pattern names many repositories; `reads=True` refuses pulling as well."""
    data = hand.image("team/app")
    hand.push("team/app", "v1", data)
    registry.deny("team/*", reads=True)
    assert hand.http.get("/v2/team/app/manifests/v1").status_code == 403
    assert hand.http.get("/v2/team/app/referrers/x").status_code == 403
    assert hand.http.post("/v2/team/b/c/blobs/uploads/").status_code == 403
    hand.begin("other")


def test_a_read_only_registry_refuses_changes(
    registry: Registry, hand: Any, code: Callable[[Any], str]
) -> None:
    """`read_only` answers 403 DENIED to whatever is not a read, until it is taken back."""
    data = hand.image("a")
    hand.push("a", "v1", data)
    registry.read_only = True
    assert registry.read_only
    answer = hand.http.post("/v2/a/blobs/uploads/")
    assert (answer.status_code, code(answer)) == (403, "DENIED")
    assert hand.pull("a", "v1") == data
    registry.read_only = False
    hand.begin("a")
