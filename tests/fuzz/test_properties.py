"""Whatever bytes anybody sends, what is promised holds; atheris tries the same for longer (`fuzz.run`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from fuzz import properties
from fuzz.targets import ROUTES, TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st
from support.layers import tar_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IN_MEMORY = [name for name in TARGETS if name not in {"tar", "routes"}]


@pytest.fixture(scope="module", autouse=True)
def _stopped() -> Iterator[None]:
    """Leave no registry running."""
    yield
    ROUTES.close()


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    """Draw bytes that begin as one of a target's seeds: parts replaced, repeated, dropped, words put in."""
    target = TARGETS[name]
    data = draw(st.sampled_from(list(target.seeds)))
    words = st.sampled_from([word.encode() for word in target.words] or [b""])
    for _ in range(draw(st.integers(0, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 40))
        fresh = draw(words | st.binary(max_size=20) | st.just(data[at : at + length] * 2))
        data = data[:at] + fresh + data[at + draw(st.sampled_from([0, len(fresh), length])) :]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds(name: str) -> None:
    """What the search begins from keeps the promise, and is of use: it is not refused at its first byte."""
    for seed in TARGETS[name].seeds:
        TARGETS[name].try_it(seed)


@pytest.mark.parametrize("name", IN_MEMORY)
def test_any_bytes(name: str) -> None:
    """Bytes at random, and seeds with something wrong."""

    @settings(max_examples=150)
    @given(st.binary(max_size=200) | mutated(name))
    def holds(data: bytes) -> None:
        TARGETS[name].try_it(data)

    holds()


@settings(max_examples=100)
@given(st.binary(max_size=600) | mutated("tar"))
def test_any_tar(data: bytes) -> None:
    """A layer of any bytes; slower, as it is extracted too."""
    TARGETS["tar"].try_it(data)


@given(st.text())
def test_any_text(text: str) -> None:
    """Texts that no header could hold, too."""
    for property_ in (properties.reference, properties.challenge, properties.address, properties.headers):
        property_(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "mediaType",
    "manifests",
    "layers",
    "config",
    "history",
    "rootfs",
    "annotations",
    "subject",
    "platform",
]


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=9), JSON, max_size=6), st.booleans())
def test_any_document(value: dict[str, object], escapes: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Objects with the fields of documents and anything in them."""
    properties.document(json.dumps(value, ensure_ascii=escapes).encode("utf-8", "surrogatepass"))


NAMES = st.text("a./\\:\x00é", min_size=1, max_size=12) | st.sampled_from(
    ["..", "../x", "/", "a/../../b", ".wh..."]
)


@settings(max_examples=100)
@given(st.lists(st.tuples(NAMES, st.sampled_from([b"0", b"1", b"2", b"5", b"6", b"3"]), NAMES), max_size=6))
def test_tars_of_any_names(members: list[tuple[str, bytes, str]]) -> None:
    """Files, directories and links of any names, that lead anywhere."""
    from tarfile import TarInfo  # noqa: PLC0415 - for this test alone

    made = []
    for name, kind, link in members:
        info = TarInfo(name)
        info.type, info.linkname = kind, link
        made.append((info, b""))
    properties.tar(tar_of(made))


NEGATIVE = tar_of(["a"])[:124] + b"\xff" * 11 + b"\0" + tar_of(["a"])[136:512] + bytes(1024)
ZEROS = b"sha256:" + b"0" * 64
PIECES = b"\x1f\x8b\x08\x1f" + bytes(6) + b"\2\0ab" + b"name\0" + b"comment\0" + b"xx" + bytes(40)
FOUND: dict[str, tuple[Callable[[bytes], None], bytes]] = {
    "a year that no calendar has": (TARGETS["headers"].try_it, b"1 Jan 29" + b"5" * 70),
    "a port behind a bracket": (TARGETS["address"].try_it, b"//[A::]3/8."),
    "a host that one reader escapes": (TARGETS["address"].try_it, b"//;>\\?1/"),
    "an archive whose member is of a negative size": (TARGETS["archive"].try_it, NEGATIVE),
    "a gzip header that was read in pieces": (TARGETS["layer"].try_it, PIECES),
    "a zstd frame that lies about its size": (
        TARGETS["layer"].try_it,
        bytes.fromhex("28b52ffd2010010000"),
    ),
    "a zstd frame that is read otherwise when it comes whole": (
        TARGETS["layer"].try_it,
        bytes.fromhex("28b52ffd2000050000"),
    ),
    "a length in words": (
        TARGETS["routes"].try_it,
        b"POST\0/v2/a/blobs/uploads/\0digest=" + ZEROS + b"\0content-length=x\0",
    ),
    "a registry by a capital letter alone": (TARGETS["reference"].try_it, b"localhoAt/a"),
}


@pytest.mark.parametrize("what", FOUND)
def test_what_was_found(what: str) -> None:
    """What fuzzing found once."""
    try_it, data = FOUND[what]
    try_it(data)
