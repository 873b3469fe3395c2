"""Settings that no registry could work with are refused at once; what clients must know of it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.programs import need

import lazyimg as li
from lazyimg.errors import InvalidSetting
from lazyimg.server.htpasswd import Hashed
from lazyimg.server.limits import UploadLimits
from lazyimg.server.registry import Registry
from lazyimg.server.tls import Tls

if TYPE_CHECKING:
    from pathlib import Path

ANNA = {"anna": "secret"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"directory": 7}, r"directory=7: a directory, or None for memory, is wanted"),
        ({"host": ""}, r"host='': an address"),
        ({"host": "127.0.0.1\0"}, r"host='127.0.0.1\\x00': an address"),
        ({"host": "\ud800"}, r"host='\\ud800': an address"),
        ({"host": None}, r"host is a NoneType: an address"),
        ({"port": "5000"}, r"port='5000': a port, or 0 for a free one, is wanted"),
        ({"port": 65536}, r"port=65536"),
        ({"port": True}, r"port=True"),
        ({"hook": "refuse"}, r"hook='refuse': a function"),
        ({"token": 60}, r"token=60: True, or lazyimg.server.tokens.Tokens"),
        ({"tls": "cert.pem"}, r"tls='cert.pem': True, a pair \(certificate, key\) of files"),
        ({"tls": ("cert.pem",)}, r"tls is a tuple: True, a pair"),
        ({"tls": ("cert.pem", None)}, r"tls is a tuple: True, a pair"),
        ({"limits": 80_000}, r"limits=80000: lazyimg.server.limits.UploadLimits is wanted"),
        ({"remember": -1}, r"remember=-1: how many requests, or None for all"),
        ({"remember": 1.5}, r"remember=1.5"),
        ({"remember": 10**30}, r"remember=10{30}: how many requests"),
        ({"read_only": "no"}, r"read_only='no': True or False is wanted"),
        ({"directory": "a\0b"}, r"directory='a\\x00b': a directory"),
        ({"durable": True}, r"durable=True is for a directory"),
        ({"users": [("anna", "secret")]}, r"users is a list: a mapping from names to passwords"),
        ({"users": {**ANNA, "ben:secret": "x"}}, r"the name of number 2 cannot be: a text without a colon"),
        ({"users": {"": "secret"}}, r"the name of number 1"),
        ({"users": {7: "secret"}}, r"the name of number 1"),
        ({"users": {"\udcff": "secret"}}, r"the name of number 1"),
        ({"users": {"anna": 7}}, r"the password of anna is a int that nobody could send"),
        ({"users": {"anna": b"secret"}}, r"the password of anna is a bytes"),
        ({"users": {"anna": "secret\udcff"}}, r"the password of anna is a str that nobody could send"),
    ],
)
def test_a_setting_that_cannot_be(settings: dict[str, Any], words: str) -> None:
    """It is named, with what is wanted in its place; nothing of a password is repeated."""
    with pytest.raises(InvalidSetting, match=words) as error:
        Registry(**settings)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(("field", "value"), [("body", "1"), ("chunk", None), ("body", 1.5)])
def test_a_limit_that_is_no_number(field: str, value: Any) -> None:
    """Sizes are whole numbers."""
    with pytest.raises(TypeError, match=f"{field}={value!r}: give a number of bytes"):
        UploadLimits(**{field: value})


def test_a_port_that_is_taken_is_named() -> None:
    """And what to do about it; IPv6 addresses are in brackets."""
    for host, shown in (("127.0.0.1", r"127\.0\.0\.1"), ("::1", r"\[::1\]")):
        with Registry(host=host) as first:
            port = int(first.host.rpartition(":")[2])
            with pytest.raises(OSError, match=rf"cannot listen on {shown}:{port}; a port of 0 takes a free"):
                Registry(host=host, port=port).start()


def test_an_address_of_another_machine_is_named() -> None:
    """Where a free port would not help, none is advised."""
    with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1:5000$"):
        Registry(host="192.0.2.1", port=5000).start()


@pytest.mark.parametrize("token", [False, True])
@pytest.mark.parametrize("tls", [False, True])
def test_an_engine_of_its_own(*, token: bool, tls: bool) -> None:
    """It knows the certificate and the user's password; without a user it is a stranger's."""
    if tls:
        need("openssl", "openssl")
    with Registry(users={**ANNA, "ben": "b"}, token=token, tls=tls) as own:
        with own.engine("anna", retries=0) as engine:
            li.Image.empty().write(f"{own.host}/empty:1")
            assert engine.retries == 0
        with own.engine(), pytest.raises(PermissionError):
            li.Image.empty().write(f"{own.host}/empty:2")
        with own.engine(keychain=own.keychain("ben")):
            assert li.Image.from_registry(f"{own.host}/empty:1").config().platform is not None


def test_an_engine_knows_what_else_it_is_told_of_hosts() -> None:
    """What is said of this registry wins over what it says of itself."""
    with Registry() as own:
        hosts = {"reg.lan": li.Host(scheme="http"), own.host: li.Host(retries=7)}
        assert dict(own.engine(hosts=hosts).hosts) == hosts


def test_a_user_that_is_none(tmp_path: Path) -> None:
    """Names that are no user's, hashes and two ways at once are refused; passwords are not told."""
    with Registry(tmp_path, users={**ANNA, "ben": Hashed(b"$2b$...")}) as own:
        with pytest.raises(InvalidSetting, match=r"'carl' is no user of this registry.*: anna, ben"):
            own.keychain("carl")
        with pytest.raises(InvalidSetting, match=r"of the password of ben this registry knows a hash"):
            own.engine("ben")
        with pytest.raises(InvalidSetting, match=r"a user and a keychain: give one"):
            own.engine("anna", keychain=own.keychain("anna"))
        assert "secret" not in repr(own.keychain("anna"))
    with Registry() as own, pytest.raises(InvalidSetting, match=r"its users are: none"):
        own.engine("anna")
    with pytest.raises(RuntimeError, match="not running"):
        own.engine()


def test_a_certificate_of_ones_own_is_trusted_by_itself(tmp_path: Path) -> None:
    """Its own authority is what clients are told to trust, given as a pair or as `Tls`."""
    need("openssl", "openssl")
    made = Tls.self_signed(tmp_path)
    for tls in ((made.certificate, made.key), Tls(made.certificate, made.key)):
        with Registry(tls=tls) as own, own.engine():
            assert own.settings == {"scheme": "https", "ca": made.certificate}
            li.Image.empty().write(f"{own.host}/empty:1")
