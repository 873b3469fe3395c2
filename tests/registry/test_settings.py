"""Settings that nothing could be done with: each is refused where it is made, by its name."""

from __future__ import annotations

from typing import Any

import pytest

import lazyimg as li
from lazyimg.errors import InvalidSetting
from lazyimg.registry.credentials import Credentials

NO_TEXTS = [None, b"s3cret", 7, ("s3cret",)]


@pytest.mark.usefixtures("no_logins")
@pytest.mark.parametrize("wrong", NO_TEXTS, ids=repr)
def test_credentials_are_texts(wrong: Any) -> None:
    """A password that was never set is no password called None, wherever it is given; nothing is repeated."""
    for name, give in (
        ("password", lambda: Credentials(username="me", password=wrong)),
        ("username", lambda: Credentials(username=wrong, password="a")),
        ("identity_token", lambda: Credentials(identity_token=wrong)),
        ("registry_token", lambda: Credentials(registry_token=wrong)),
        ("ghcr.io.*password", lambda: li.StaticKeychain({"ghcr.io": ("me", wrong)})),
        ("ghcr.io.*username", lambda: li.StaticKeychain({"ghcr.io": (wrong, "a")})),
        ("password", lambda: li.login("localhost:1", "me", wrong)),
        ("username", lambda: li.login("localhost:1", wrong, "a")),
    ):
        with pytest.raises(InvalidSetting, match=f"{name} is a {type(wrong).__name__}.*a text") as caught:
            give()  # type: ignore[no-untyped-call]
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["s3cret", ("s3cret",), ("me", "s3cret", "x"), None, {"me": "s3cret"}])
def test_a_static_keychain_says_what_it_takes(wrong: Any) -> None:
    """Anything but a pair of texts is refused with the registry's name, and is not repeated."""
    with pytest.raises(InvalidSetting, match=r"ghcr\.io is a .*pair of texts") as caught:
        li.StaticKeychain({"ghcr.io": wrong})
    assert "s3cret" not in str(caught.value)


def test_no_name_of_a_registry_is_lost() -> None:
    """Two names of one registry are two answers to one question: neither wins silently."""
    twice = {"index.docker.io": ("a", "b"), "docker.io": ("c", "d")}
    with pytest.raises(
        InvalidSetting, match=r"StaticKeychain names docker\.io twice, the second time as 'docker\.io'"
    ):
        li.StaticKeychain(twice)  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match="a name in StaticKeychain=1 is a int"):
        li.StaticKeychain({1: ("a", "b")})  # type: ignore[dict-item]
    with pytest.raises(InvalidSetting, match=r"hosts is a tuple.*mapping"):
        li.StaticKeychain(("a", "s3cret"))  # type: ignore[arg-type]
