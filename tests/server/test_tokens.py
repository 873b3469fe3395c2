"""Token authentication: the challenge, the token service, and what a token is good for."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lazyimg.server.registry import Registry
from lazyimg.server.tokens import InvalidToken, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from lazyimg.server.scopes import Scope

USERS = {"anna": "pass:word", "ben": "b"}
ANNA = ("anna", "pass:word")


@pytest.fixture
def guarded() -> Iterator[Registry]:
    """Return a registry with users that wants tokens."""
    with Registry(users=USERS, token=True) as running:
        yield running


@pytest.fixture
def stranger(guarded: Registry) -> Iterator[httpx.Client]:
    """Return a client that shows nothing by itself."""
    with httpx.Client(base_url=guarded.url) as client:
        yield client


def challenge_of(answer: httpx.Response) -> dict[str, str]:
    """Return the parameters of the challenge that an answer holds."""
    assert answer.status_code == 401
    scheme, _, parameters = answer.headers["www-authenticate"].partition(" ")
    assert scheme == "Bearer"
    return dict(re.findall(r'(\w+)="([^"]*)"', parameters))


def token_for(http: httpx.Client, *scopes: str, auth: Any = ANNA) -> str:
    answer = http.get("/token", params={"scope": list(scopes), "service": "lazyimg-registry"}, auth=auth)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v2/", None),
        ("GET", "/nowhere", None),
        ("GET", "/v2/_catalog", "registry:catalog:*"),
        ("GET", "/v2/a/b/manifests/v1", "repository:a/b:pull"),
        ("HEAD", "/v2/a/blobs/sha256:0", "repository:a:pull"),
        ("GET", "/v2/a/tags/list", "repository:a:pull"),
        ("GET", "/v2/a/referrers/sha256:0", "repository:a:pull"),
        ("POST", "/v2/a/blobs/uploads/", "repository:a:pull,push"),
        ("PATCH", "/v2/a/blobs/uploads/1", "repository:a:pull,push"),
        ("GET", "/v2/a/blobs/uploads/1", "repository:a:pull,push"),
        ("DELETE", "/v2/a/blobs/uploads/1", "repository:a:pull,push"),
        ("PUT", "/v2/a/manifests/v1", "repository:a:pull,push"),
        ("DELETE", "/v2/a/manifests/v1", "repository:a:delete"),
        ("DELETE", "/v2/a/blobs/sha256:0", "repository:a:delete"),
    ],
)
def test_who_shows_no_token_is_told_where_to_get_which(
    stranger: httpx.Client, guarded: Registry, method: str, path: str, scope: str | None
) -> None:
    """The challenge names the token service, this registry, and the scope that the request needs."""
    for headers in ({}, {"Authorization": "Basic YW5uYTpwYXNzOndvcmQ="}):
        found = challenge_of(stranger.request(method, path, headers=headers))
        realm = {"realm": f"{guarded.url}/token", "service": "lazyimg-registry"}
        assert found == realm | ({} if scope is None else {"scope": scope})


def test_the_realm_is_where_the_client_found_the_registry(stranger: httpx.Client) -> None:
    """Whatever the registry is called, or stands behind, the token service is called so too."""
    found = challenge_of(stranger.get("/v2/", headers={"Host": "registry.localhost:1"}))
    assert found["realm"] == "http://registry.localhost:1/token"
    found = challenge_of(stranger.get("/v2/", headers={"Host": 'x"y'}))
    assert found["realm"].startswith("http://127.0.0.1:")


@pytest.mark.parametrize("name", ["A", "%C3%BC", 'a"b', "a%0Ab", "a%0Db", "%F0%9F%98%80"])
def test_a_name_that_is_none_is_in_no_challenge(stranger: httpx.Client, name: str) -> None:
    """Who shows no token is told to get one; who shows one is told what is wrong with the name."""
    assert "scope" not in challenge_of(stranger.get(f"/v2/{name}/tags/list"))
    answer = stranger.get(f"/v2/{name}/tags/list", headers=bearer(token_for(stranger)))
    assert answer.status_code in {400, 404}


def test_a_token_is_good_for_its_scopes(stranger: httpx.Client, hand_of: Any) -> None:
    """What it was given for goes, anything else is refused with a challenge that says so."""
    stranger.headers.update(
        bearer(token_for(stranger, "repository:a:pull,push repository:b:pull", "repository:c:pull"))
    )
    hand = hand_of(stranger)
    hand.push("a", "v1", hand.image("a"))
    assert stranger.get("/v2/").status_code == 200
    for name in "bc":
        assert stranger.get(f"/v2/{name}/tags/list").status_code == 404
    found = challenge_of(stranger.post("/v2/b/blobs/uploads/"))
    assert (found["error"], found["scope"]) == ("insufficient_scope", "repository:b:pull,push")
    assert challenge_of(stranger.delete("/v2/a/manifests/v1"))["scope"] == "repository:a:delete"
    assert challenge_of(stranger.get("/v2/_catalog"))["error"] == "insufficient_scope"
    stranger.headers.update(bearer(token_for(stranger, "registry:catalog:*", "repository:a:*")))
    assert stranger.get("/v2/_catalog").json() == {"repositories": ["a"]}
    assert stranger.delete("/v2/a/manifests/v1").status_code == 202


def test_the_service_answers_in_every_way_that_clients_read(stranger: httpx.Client) -> None:
    """Token, its OAuth name, how long it lives and since when; to be kept by nobody on the way."""
    answer = stranger.get("/token", params={"scope": "repository:a:pull", "account": "anna"}, auth=ANNA)
    found = answer.json()
    assert found["token"] == found["access_token"]
    assert (found["expires_in"], found["scope"]) == (300, "repository:a:pull")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["issued_at"])
    assert "refresh_token" not in found
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("auth", [("anna", "wrong"), ("nobody", "b"), None])
def test_the_service_refuses_strangers(
    stranger: httpx.Client, code: Callable[[Any], str], auth: tuple[str, str] | None
) -> None:
    """Without a name, or with a wrong password: 401, by GET and by POST."""
    got = stranger.get("/token", auth=auth)
    name, password = auth or ("", "")
    form = {"grant_type": "password", "username": name, "password": password}
    for answer in (got, stranger.post("/token", data=form)):
        assert (answer.status_code, code(answer)) == (401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"].startswith("Basic ")


def test_a_token_by_post(stranger: httpx.Client, guarded: Registry) -> None:
    """The OAuth 2 way: a form with the password, or with the identity token that was given for it."""
    form = {"grant_type": "password", "username": "anna", "password": "pass:word", "access_type": "offline"}
    first = stranger.post("/token", data={**form, "scope": "repository:a:pull"}).json()
    assert stranger.get("/v2/a/tags/list", headers=bearer(first["access_token"])).status_code == 404
    again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = stranger.post("/token", data={**again, "scope": "repository:b:pull"}).json()
    assert stranger.get("/v2/b/tags/list", headers=bearer(second["access_token"])).status_code == 404
    by_get = stranger.get("/token", params={"offline_token": "true"}, auth=ANNA).json()
    assert stranger.post("/token", data=again | {"refresh_token": by_get["refresh_token"]}).status_code == 200
    assert guarded.tokens is not None
    assert guarded.tokens.read_identity(by_get["refresh_token"]) == "anna"


def test_an_identity_token_and_a_token_are_two_things(stranger: httpx.Client) -> None:
    """Neither passes for the other."""
    form = {"grant_type": "password", "username": "anna", "password": "pass:word", "access_type": "offline"}
    given = stranger.post("/token", data=form).json()
    assert (
        challenge_of(stranger.get("/v2/", headers=bearer(given["refresh_token"])))["error"] == "invalid_token"
    )
    for token in (given["token"], "junk"):
        again = {"grant_type": "refresh_token", "refresh_token": token}
        assert stranger.post("/token", data=again).status_code == 401


def test_a_form_that_makes_no_sense_is_refused(stranger: httpx.Client, code: Callable[[Any], str]) -> None:
    """An unknown grant, another service, a form without end."""
    answer = stranger.post("/token", data={"grant_type": "authorization_code"})
    assert (answer.status_code, code(answer)) == (400, "UNSUPPORTED")
    answer = stranger.get("/token", params={"service": "another"}, auth=ANNA)
    assert (answer.status_code, code(answer)) == (400, "UNSUPPORTED")
    answer = stranger.post("/token", content=b"x" * 100_000)
    assert (answer.status_code, code(answer)) == (413, "SIZE_INVALID")
    assert stranger.delete("/token").status_code == 405


def test_tokens_that_are_not_ours_are_refused(stranger: httpx.Client, guarded: Registry) -> None:
    """Junk, another registry's, an altered one, one without a signature."""
    own = token_for(stranger, "repository:a:pull")
    header, claims, signature = own.split(".")
    more = json.dumps(json.loads(base64.urlsafe_b64decode(claims + "==")) | {"user": "ben"}).encode()
    forged = base64.urlsafe_b64encode(more).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    tokens = ["junk", "a.b", "a.b.c", "ä.b.c", "%%%.%%%.%%%", Tokens().issue("repository:a:pull")]
    tokens += [f"{header}.{forged}.{signature}", f"{header}.{claims}.", f"{none}.{claims}.", own[:-1]]
    assert guarded.tokens is not None
    for token in tokens:
        headers = [(b"Authorization", f"Bearer {token}".encode())]
        answer = stranger.get("/v2/a/tags/list", headers=headers)
        assert challenge_of(answer)["error"] == "invalid_token"
        assert token not in answer.text or len(token) < 10
    assert stranger.get("/v2/a/tags/list", headers=bearer(own)).status_code == 404


def test_tokens_expire(hand_of: Any) -> None:
    """After its life, and when all of them are ended; the next is good again."""
    with Registry(token=Tokens(life=60)) as registry, httpx.Client(base_url=registry.url) as http:
        assert http.get("/token").json()["expires_in"] == 60
        assert registry.tokens is not None
        old = registry.tokens.issue("repository:a:pull", life=0)
        assert challenge_of(http.get("/v2/", headers=bearer(old)))["error"] == "invalid_token"
        good = registry.tokens.issue("repository:a:pull,push")
        http.headers.update(bearer(good))
        hand_of(http).blob("a", b"{}")
        registry.tokens.expire()
        assert challenge_of(http.get("/v2/a/tags/list"))["error"] == "invalid_token"
        del http.headers["Authorization"]
        http.headers.update(bearer(token_for(http, "repository:a:pull", auth=None)))
        assert http.get("/v2/a/tags/list").status_code == 200


def test_without_users_everybody_gets_what_is_asked_for(hand_of: Any) -> None:
    """With any name, or none."""
    with Registry(token=True) as registry, httpx.Client(base_url=registry.url) as http:
        for auth in (None, ("whoever", "whatever")):
            http.headers.pop("Authorization", None)
            http.headers.update(bearer(token_for(http, "repository:a:pull,push", auth=auth)))
            hand_of(http).blob("a", b"{}")
        form = {"grant_type": "password", "username": "x", "password": "y"}
        assert http.post("/token", data=form).status_code == 200


def test_strangers_may_pull_where_they_are_welcome() -> None:
    """As on a public registry: what they may not do is left out of the token, silently."""
    tokens = Tokens(strangers={"pull"})
    with Registry(users=USERS, token=tokens) as registry, httpx.Client(base_url=registry.url) as http:
        answer = http.get("/token", params={"scope": ["repository:a:pull,push", "repository:b:push"]})
        assert answer.json()["scope"] == "repository:a:pull"
        http.headers.update(bearer(answer.json()["token"]))
        assert http.get("/v2/a/tags/list").status_code == 404
        assert challenge_of(http.post("/v2/a/blobs/uploads/"))["error"] == "insufficient_scope"
        assert http.get("/token", auth=("anna", "wrong")).status_code == 401


def test_users_may_do_what_one_likes() -> None:
    """`may` is asked for each scope, and says which actions are granted."""

    def may(user: str | None, scope: Scope) -> Iterable[str]:
        return {"pull", "push"} if user is not None and scope.name.startswith(f"{user}/") else {"pull"}

    with (
        Registry(users=USERS, token=Tokens(may=may)) as registry,
        httpx.Client(base_url=registry.url) as http,
    ):
        wanted = {"scope": "repository:anna/a:pull,push repository:ben/a:* repository:ben/a:push"}
        granted = http.get("/token", params=wanted, auth=ANNA).json()["scope"]
        assert granted == "repository:anna/a:pull,push repository:ben/a:pull"
        assert (
            http.get("/token", params=wanted).json()["scope"]
            == "repository:anna/a:pull repository:ben/a:pull"
        )


def mount(http: httpx.Client, digest: str, **source: str) -> int:
    return http.post("/v2/target/blobs/uploads/", params={"mount": digest, **source}).status_code


def test_a_blob_is_mounted_from_where_the_token_may_pull(
    guarded: Registry, stranger: httpx.Client, hand_of: Any
) -> None:
    """From elsewhere an upload begins instead, and what is looked for everywhere is not found there."""
    assert guarded.tokens is not None
    push = ("repository:source:pull,push", "repository:target:pull,push")
    stranger.headers.update(bearer(guarded.tokens.issue(*push)))
    digest = hand_of(stranger).blob("source", b"{}")
    stranger.headers.update(bearer(guarded.tokens.issue(push[1])))
    assert mount(stranger, digest, **{"from": "source"}) == 202
    assert mount(stranger, digest) == 202
    stranger.headers.update(bearer(guarded.tokens.issue(push[1], "repository:source:pull")))
    assert mount(stranger, digest, **{"from": "source"}) == 201
    assert mount(stranger, digest) == 201


def test_a_blob_is_not_mounted_from_where_reading_is_denied(registry: Registry, hand: Any) -> None:
    """What may not be read may not be had by a mount."""
    digest = hand.blob("secret/source", b"{}")
    registry.deny("secret/*", reads=True)
    assert mount(hand.http, digest, **{"from": "secret/source"}) == 202
    assert mount(hand.http, digest) == 202
    registry.allow("secret/*")
    assert mount(hand.http, digest) == 201


def test_denied_and_read_only_are_told_apart_from_unauthorized(
    guarded: Registry, stranger: httpx.Client, code: Callable[[Any], str]
) -> None:
    """A good token does not help where the registry says no: 403; and the token service stays open."""
    stranger.headers.update(bearer(token_for(stranger, "repository:a:pull,push")))
    guarded.deny("a")
    answer = stranger.post("/v2/a/blobs/uploads/")
    assert (answer.status_code, code(answer)) == (403, "DENIED")
    guarded.allow("a")
    guarded.read_only = True
    answer = stranger.post("/v2/a/blobs/uploads/")
    assert (answer.status_code, code(answer)) == (403, "DENIED")
    form = {"grant_type": "password", "username": "anna", "password": "pass:word"}
    assert stranger.post("/token", data=form).status_code == 200


def test_no_token_shows(guarded: Registry, stranger: httpx.Client) -> None:
    """Neither the record of a request nor the registry's own words hold a token or a key."""
    assert guarded.tokens is not None
    token = guarded.tokens.issue()
    stranger.get("/v2/", headers=bearer(token))
    [request] = guarded.requests
    assert request.headers["authorization"] == "Bearer ***"
    shown = f"{guarded!r} {guarded.tokens!r} {guarded._context.access!r} {request!r}"
    assert "pass" not in shown
    assert "_key" not in shown
    with pytest.raises(InvalidToken, match="not given out here") as refused:
        guarded.tokens.read(token[:-2])
    assert token[:20] not in str(refused.value)


def test_there_is_no_token_service_where_nobody_wants_tokens(hand: Any) -> None:
    """`/token` is no address then."""
    assert hand.http.get("/token").status_code == 404
