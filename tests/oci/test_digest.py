"""Digests are checked texts."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.errors import InvalidDigest, LazyImgError
from lazyimg.oci.digest import Digest, new_hash

HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def test_a_digest_is_a_text_with_parts() -> None:
    """A digest is equal to its text and tells its algorithm, its hash and a short form."""
    digest = Digest(HELLO)
    assert digest == HELLO
    assert (digest.algorithm, digest.encoded, digest.short) == ("sha256", HELLO[7:], "2cf24dba5fb0")
    assert {digest: 1}[Digest(HELLO)] == 1


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_data_is_hashed(algorithm: str) -> None:
    """Both algorithms hash as hashlib does, from data and from a running hash."""
    expected = f"{algorithm}:{hashlib.new(algorithm, b'data').hexdigest()}"
    running = new_hash(algorithm)
    running.update(b"da")
    running.update(b"ta")
    assert Digest.of(memoryview(b"data"), algorithm) == Digest.from_hash(running) == expected


def test_a_digest_of_a_digest_is_itself(pickled: Callable[[Any], Any]) -> None:
    """Checking twice costs nothing: a digest is returned as it is, and survives pickling."""
    digest = Digest(HELLO)
    assert Digest(digest) is digest
    copy = pickled(digest)
    assert type(copy) is Digest
    assert copy == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256:",
        HELLO[:-1],
        HELLO + "0",
        HELLO.upper(),
        "SHA256" + HELLO[6:],
        "sha256:" + "A" * 64,
        "sha512:" + "0" * 64,
        "sha384:" + "0" * 96,
        "blake3:" + "0" * 64,
        "md5:" + "0" * 32,
        "../../etc/passwd:" + "0" * 64,
        HELLO + "\n",
        "sha256:" + "\u0660" * 64,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """A text of another algorithm, length or alphabet is no digest."""
    with pytest.raises(InvalidDigest, match="is no digest"):
        Digest(text)


def test_an_unknown_algorithm_is_refused() -> None:
    """Only sha256 and sha512 can be asked for."""
    with pytest.raises(InvalidDigest, match="'md5' is not known"):
        new_hash("md5")


@given(st.text())
def test_parsing_is_total(text: str) -> None:
    """Any text is a digest or an error of ours."""
    try:
        found = Digest(text)
    except LazyImgError:
        return
    assert found == text
