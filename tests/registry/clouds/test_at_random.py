"""Whatever stands in what is read, credentials come out, or a `CredentialError`."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

import lazyimg as li
from lazyimg.errors import CredentialError
from lazyimg.registry.keychains.auth_file import AuthFile
from lazyimg.registry.keychains.clouds.azure import _expiry
from lazyimg.registry.keychains.clouds.ecr import Place
from lazyimg.registry.keychains.clouds.pull_secret import PullSecret
from lazyimg.registry.keychains.clouds.words import code_of

WORDS = st.sampled_from(
    [
        "auths",
        "auth",
        "a.example",
        "*.example",
        "https://a.example/v1/",
        "a.example/team",
        "data",
        "stringData",
        ".dockercfg",
        ".dockerconfigjson",
        "username",
        "password",
        "identitytoken",
        "credsStore",
        "bWU6eA==",
        "e30=",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
HOSTS = st.sampled_from(["a.example", "b.a.example", "docker.io", "[::1]:5000", "localhost"])


@given(st.dictionaries(WORDS, VALUES, max_size=4), HOSTS)
def test_files(content: dict[str, Any], host: str) -> None:
    """Files of credentials and pull secrets."""
    content.pop("credsStore", None)  # which would be run
    for parsed in (AuthFile("here", content), PullSecret(AuthFile("here", {"auths": content}))):
        with contextlib.suppress(CredentialError):
            found = parsed.credentials(host, "team/app")
            assert found is None or found.username is not None
    with contextlib.suppress(CredentialError):
        li.KubernetesKeychain.from_secret(json.dumps(content)).credentials(host, "team/app")


@given(st.text(max_size=40) | VALUES.map(lambda value: _token(json.dumps(value))))
@example("a." + base64.urlsafe_b64encode(b'{"exp": 1' + b"0" * 400 + b"}").decode() + ".c")
@example("a." + base64.urlsafe_b64encode(b"[" * 100_000).decode() + ".c")
@example("a." + base64.urlsafe_b64encode(b'{"exp": NaN}').decode() + ".c")
def test_ends_of_tokens(token: str) -> None:
    """A token that says nonsense about its end has an end all the same."""
    assert 0 <= abs(_expiry(token)) <= 1e12


def _token(claims: str) -> str:
    return f"a.{base64.urlsafe_b64encode(claims.encode()).decode()}.c"


@given(st.text(max_size=60) | st.from_regex(r"\A[a-z0-9.-]{1,60}\Z"))
def test_hosts(host: str) -> None:
    """No cloud's name is found in what is none, line ends and other alphabets included."""
    place = Place.of(f"123456789012.dkr.ecr.{host}.amazonaws.com")
    assert place is None or place.region == host
    for keychain in (li.ECRKeychain(), li.GoogleKeychain(), li.AzureKeychain(), li.GitHubKeychain("x")):
        assert keychain.credentials(f"{host}.example", None) is None


@given(st.text(max_size=80))
def test_codes(text: str) -> None:
    """What is repeated of a service's answer is letters, dots and underscores."""
    assert set(code_of(text)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._")
