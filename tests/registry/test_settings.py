"""Settings that nothing could be done with: each is refused where it is made, by its name."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import lazyimg as li
from lazyimg.errors import InvalidSetting, LazyImgError
from lazyimg.registry.client import Client
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.mirror_name import MirrorName
from lazyimg.registry.retry import Retries
from lazyimg.registry.transport.wire import Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable

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
    with pytest.raises(InvalidSetting, match="a name in StaticKeychain=1: a text"):
        li.StaticKeychain({1: ("a", "b")})  # type: ignore[dict-item]
    with pytest.raises(InvalidSetting, match=r"hosts is a tuple.*mapping"):
        li.StaticKeychain(("a", "s3cret"))  # type: ignore[arg-type]


def is_not(name: str, wanted: str) -> str:
    return rf"^{name}(=.*)?( is (the class|a) .*)?: {wanted}.* is wanted$"


SECONDS = [
    ("timeout", wrong, "a number of seconds")
    for wrong in ("5", math.nan, math.inf, 1e7, 10**400, 0, -1, True, (1, 2))
]
HOST = [
    *SECONDS,
    ("retries", 1.5, "a whole number from 0"),
    ("retries", -1, "a whole number from 0"),
    ("retries", True, "a whole number from 0"),
    ("chunk_size", "4M", "a whole number of bytes from 1"),
    ("chunk_size", 0, "a whole number of bytes from 1"),
    ("ca", 123, "a path"),
    ("ca", "a\0b", "a path"),
    ("ca", "\ud800", "a path"),
    ("client_cert", ("a", "b\0"), "a path, or a pair"),
    ("client_cert", 1, "a path, or a pair"),
    ("client_cert", ("a", "b", "c"), "a path, or a pair"),
    ("client_cert", ("a", None), "a path, or a pair"),
    ("user_agent", "ü", "a text of ASCII letters in one line"),
    ("user_agent", "a\nb", "a text of ASCII letters in one line"),
    ("user_agent", "", "a text of ASCII letters in one line"),
    ("user_agent", b"mine", "a text of ASCII letters in one line"),
    ("http2", "yes", "True or False"),
    ("transport", httpx.HTTPTransport, "an httpx.BaseTransport"),
    ("transport", "tcp", "an httpx.BaseTransport"),
]
ENGINE = [
    ("jobs", "4", "a whole number from 1"),
    ("jobs", 1.5, "a whole number from 1"),
    ("jobs", True, "a whole number from 1"),
    ("keychain", ("me", "s3cret"), "a keychain"),
    ("keychain", {"ghcr.io": ("me", "s3cret")}, "a keychain"),
    ("keychain", li.GitHubKeychain, "a keychain"),
    ("insecure", True, r"host\[:port\]"),
    ("insecure", [1], r"host\[:port\]"),
    ("hosts", ["reg.lan"], "a mapping"),
    ("mirrors", ["reg.lan"], "a mapping"),
    ("mirrors", {"reg.lan": 1}, r"host\[:port\]"),
    ("mirrors", {"reg.lan": [1]}, r"host\[:port\]"),
    ("scratch", 1, "a path"),
    ("limits", 1, "lazyimg.Limits"),
    ("on_event", 1, "a function"),
    ("on_request", 1, "a function"),
    ("log", "x", "True, or a structlog logger"),
]


@pytest.mark.parametrize(("name", "wrong", "wanted"), HOST)
def test_what_is_said_of_a_host_has_its_kind(name: str, wrong: Any, wanted: str) -> None:
    """It is refused at once, by its name, for one host and for all, and by a client."""
    for make in (li.Host, li.Engine, lambda **said: li.registry.Client("reg.lan", **said)):
        with pytest.raises(InvalidSetting, match=is_not(name, wanted)):
            make(**{name: wrong})


@pytest.mark.parametrize(("name", "wrong", "wanted"), ENGINE)
def test_what_is_said_of_an_engine_has_its_kind(name: str, wrong: Any, wanted: str) -> None:
    """It is refused at once, by its name, with what is wanted; nothing of a keychain is repeated."""
    with pytest.raises(InvalidSetting, match=is_not(name, wanted)) as caught:
        li.Engine(**{name: wrong})
    assert "s3cret" not in str(caught.value)


def test_a_client_and_keychains_take_keychains() -> None:
    """Not the class of one, and no pair of texts."""
    for wrong in (li.GitHubKeychain, ("me", "s3cret")):
        with pytest.raises(InvalidSetting, match=r"one of Keychains is .*: a keychain"):
            li.Keychains(wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidSetting, match=r"keychain is .*: a keychain"):
            li.registry.Client("reg.lan", keychain=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host",
    [
        "",
        "reg:",
        "HTTPS://reg/",
        "reg:65536",
        "reg:0",
        "reg:000443",
        "[::1",
        "::1",
        "[1:2]",
        "a b",
        "a\r\nb",
        "\ud800",
        "me:s3cret@ghcr.io",
        None,
        b"ghcr.io",
        5,
    ],
)
def test_a_client_is_of_a_registry(host: Any) -> None:
    """What is no host is refused where it is said, and a password before it is not repeated."""
    with pytest.raises(ValueError, match="registry") as caught:
        Client(host)
    assert isinstance(caught.value, LazyImgError)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Timeouts(silence=0), "silence"),
        (lambda: Timeouts(connect="1"), "connect"),  # type: ignore[arg-type]
        (lambda: Timeouts(total=math.nan), "total"),
        (lambda: Retries(count=1.5), "count"),  # type: ignore[arg-type]
        (lambda: Retries(first=-1), "first"),
        (lambda: Retries(together="5"), "together"),  # type: ignore[arg-type]
    ],
)
def test_limits_in_detail_are_numbers(make: Callable[[], object], name: str) -> None:
    """A time limit that is none, and a number of retries that nobody could count to."""
    with pytest.raises(InvalidSetting, match=f"^{name}="):
        make()


def test_what_an_engine_takes() -> None:
    """Every kind that a setting may have."""
    timeouts = Timeouts(connect=1, silence=2, total=10)
    engine = li.Engine(timeout=timeouts, retries=Retries(first=0), chunk_size=1 << 20, user_agent="mine/1")
    assert engine.timeout is timeouts
    assert engine.chunk_size == 1 << 20
    li.Engine(timeout=0.5, retries=0, ca=Path("ca.pem"), client_cert=("a", "b"), scratch="x", http2=False)
    li.Engine(mirrors={"docker.io": [MirrorName("a.lan"), "b.lan/hub"]}, insecure={"reg.lan"}, log=None)


def test_no_host_is_lost() -> None:
    """Two names of one host are refused, in every place that names some."""
    hosts = {"index.docker.io": {"timeout": 5}, "docker.io": {"retries": 1}}
    with pytest.raises(InvalidSetting, match=r"hosts names docker\.io twice"):
        li.Engine(hosts=hosts)
    with pytest.raises(InvalidSetting, match=r"mirrors names docker\.io twice"):
        li.Engine(mirrors={"docker.io": ["a.lan"], "index.docker.io": ["b.lan"]})


def test_a_word_that_is_none_is_named() -> None:
    """With those that there are."""
    with pytest.raises(InvalidSetting, match=r"there is no shceme: the settings of reg\.lan .*scheme, ca"):
        li.Engine(hosts={"reg.lan": {"shceme": "http"}})


@pytest.mark.parametrize("kind", [li.Engine, li.Host, li.StaticKeychain, li.registry.Client])
def test_type_checkers_know_what_a_setting_is(kind: type) -> None:
    """What can be checked before anything runs says what it is; a converted one, what it is made of."""
    said = kind.__init__.__annotations__  # type: ignore[misc]
    assert said.pop("log", Any) is Any  # a logger is whatever has its methods
    assert [name for name, one in said.items() if one is Any] == []
