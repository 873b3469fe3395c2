"""What must hold of any bytes from anybody: tried by hypothesis in the tests, by atheris for longer.

Each function takes what a stranger could send, and raises if something other than the promised comes of it.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import posixpath
import re
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from support.below_http import ask

from lazyimg.content.extract import extract
from lazyimg.content.inflate import Inflater
from lazyimg.content.limits import Limits
from lazyimg.content.magic import compression_of
from lazyimg.content.merged import Merged
from lazyimg.content.tar_reader import TarReader
from lazyimg.errors import (
    ArchiveError,
    InvalidContent,
    InvalidDocument,
    InvalidMutation,
    InvalidReference,
    LazyImgError,
    RegistryError,
)
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.document import Document, dumps, loads
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import Manifest, parse_manifest
from lazyimg.oci.media_type import OCI_INDEX, OCI_MANIFEST
from lazyimg.oci.reference import Reference
from lazyimg.registry.authorization.challenge import Challenge, parse_challenges
from lazyimg.registry.authorization.scope import parse_scopes
from lazyimg.registry.failure import read_words
from lazyimg.registry.location import held_bytes, join, next_page, with_digest
from lazyimg.registry.retry import retry_after
from lazyimg.registry.site import Site, locate
from lazyimg.registry.transport.address import RefusedAddress, Zone
from lazyimg.registry.transport.notices import read_rate_limit, read_warnings
from lazyimg.stores.tar_table import read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazyimg.server.registry import Registry

SMALL = Limits(ratio=50, total=8 << 20, free=1 << 20)
HOME = "https://registry.example:5000"
SECRET = "s3cret-passw0rd"


def _readable(error: LazyImgError) -> None:
    assert str(error).isprintable(), error


# --- names -----------------------------------------------------------------------------------------------


def reference(text: str) -> None:
    """A reference is refused as such, or reads back as what it is written as, and names one host."""
    try:
        found = Reference.parse(text)
    except InvalidReference as error:
        _readable(error)
        return
    assert Reference.parse(str(found)) == Reference.parse(str(found), strict=True) == found
    assert found.identifier in (found.tag, found.digest)
    _, url = locate(found.registry)
    parts = urlsplit(url)
    assert parts.netloc == found.host.lower()
    assert not parts.path
    assert httpx.URL(url).host == (parts.hostname or "")


def challenge(text: str) -> None:
    """Challenges never fail to be read, and each reads back as what it says."""
    for found in parse_challenges([text]):
        assert found.scheme == found.scheme.lower()
        assert re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", found.scheme)
        pairs = [f'{name}="{_quoted(value)}"' for name, value in found.parameters.items()]
        assert parse_challenges([f"{found.scheme} {', '.join(pairs)}"]) == (found,)
        parse_scopes(found.parameters.get("scope", ""))
        assert isinstance(found, Challenge)


def _quoted(value: str) -> str:
    return re.sub(r'(["\\])', r"\\\1", value)


# --- headers of answers ----------------------------------------------------------------------------------


def address(text: str) -> None:
    """An address that a registry gives leads where it was judged to, or nowhere at all."""
    site = Site("registry.example:5000", HOME, lambda: Zone.PUBLIC)
    try:
        url = join(f"{HOME}/v2/me/app/blobs/uploads/", text)
        site.check(url, "the address")
    except RegistryError as error:
        _readable(error)
        return
    _dialled_as_judged(site, url)
    with contextlib.suppress(RefusedAddress):
        moved = with_digest(url, "sha256:00")
        site.check(moved, "the address")
        assert site.is_home(moved) == site.is_home(url)


def _dialled_as_judged(site: Site, url: str) -> None:
    try:
        dialled = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return
    judged = urlsplit(url)
    assert (dialled.scheme, dialled.host.lower()) == (judged.scheme, judged.hostname or "")
    assert dialled.scheme == "https"
    assert (dialled.port or 443) == (judged.port or 443)
    is_home = (dialled.scheme, dialled.host, dialled.port) == ("https", "registry.example", 5000)
    assert site.is_home(url) == is_home


def headers(text: str) -> None:
    """What headers say is read as something or nothing; nothing fails, and a page is on the same host."""
    url = f"{HOME}/v2/me/app/tags/list"
    with contextlib.suppress(RegistryError):
        following = next_page(url, text)
        assert following is None or urlsplit(following)[:2] == urlsplit(url)[:2]
    waits = retry_after(text)
    assert waits is None or waits >= 0
    held = held_bytes(text)
    assert held is None or held > 1
    for warning in read_warnings(httpx.Headers([("Warning", text.encode("utf-8", "replace"))]), [SECRET]):
        assert warning.isprintable() or not warning.isascii()
        assert SECRET not in warning
    read_rate_limit({"RateLimit-Limit": text, "RateLimit-Remaining": text})
    parse_scopes(text)


def words(data: bytes) -> None:
    """An error body of any form is read, in one bounded line, without controls or what was told in trust."""
    for media_type in ("application/json", "text/plain; charset=utf-8"):
        found = read_words(data, media_type, [SECRET])
        assert len(found.text) <= 400
        for text in (found.text, *found.codes):
            assert SECRET not in text
            assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e]", text)


# --- documents -------------------------------------------------------------------------------------------


def document(data: bytes) -> None:
    """JSON is refused as such, or kept to the byte, and means what every other reader takes it for."""
    try:
        value = loads(data)
    except InvalidDocument as error:
        _readable(error)
        return
    assert json.loads(data) == value
    assert loads(dumps(value)) == value
    assert dumps(loads(dumps(value))) == dumps(value)
    for read in (Document.parse, Manifest.parse, Index.parse, ConfigFile.parse):
        with contextlib.suppress(InvalidDocument):
            found: Document = read(data)
            assert found.to_bytes() == data
            _look_at(found)
    for media_type in ("", OCI_MANIFEST, OCI_INDEX):
        with contextlib.suppress(InvalidDocument):
            assert parse_manifest(data, media_type).to_bytes() == data
    with contextlib.suppress(InvalidDocument):
        if isinstance(value, dict):
            assert Descriptor.from_json(value, "it").to_json() == value


def _look_at(found: Document) -> None:
    for name in dir(type(found)):
        if isinstance(getattr(type(found), name), property):
            with contextlib.suppress(LazyImgError):
                getattr(found, name)


# --- tars ------------------------------------------------------------------------------------------------


def tar(data: bytes) -> None:
    """A layer is refused as such, or merged into what lies inside: as a tar, and on the disk."""
    with contextlib.suppress(InvalidContent):
        for member in TarReader(iter([data]), "it"):
            _said(member)
    merged = Merged(limits=SMALL)
    try:
        merged.add([data], "it")
        merged.settle()
        whole = b"".join(_bounded(merged.pieces()))
        _all_inside(whole)
        _extracted_inside(merged)
    except (InvalidContent, InvalidMutation):
        pass
    finally:
        merged.close()


def _said(member: Any) -> None:
    for name in ("kind", "size", "mode", "uid", "gid", "mtime_ns", "uname", "gname", "device"):
        with contextlib.suppress(InvalidContent):
            getattr(member, name)


def _bounded(pieces: Iterator[bytes], most: int = 32 << 20) -> Iterator[bytes]:
    taken = 0
    for piece in pieces:
        taken += len(piece)
        assert taken <= most, "a tar that grows without end"
        yield piece


def _all_inside(data: bytes) -> None:
    """Python's tarfile reads what we wrote, and no name or hard link in it leads out."""
    with tarfile.open(fileobj=io.BytesIO(data), errorlevel=2) as archive:
        for info in archive:
            for name in [info.name, *([info.linkname] if info.islnk() else [])]:
                assert not name.startswith("/"), name
                assert ".." not in posixpath.normpath(name).split("/"), name


def _extracted_inside(merged: Merged) -> None:
    with tempfile.TemporaryDirectory(prefix="lazyimg-fuzz-", dir=_MEMORY) as name:
        outside, root = Path(name, "outside"), Path(name, "root")
        outside.mkdir(mode=0o700)
        with contextlib.suppress(OSError, ValueError):
            extract(merged, root)
        assert sorted(os.listdir(name)) in (["outside", "root"], ["outside"])  # noqa: PTH208 - names only
        assert not any(outside.iterdir())


_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - faster than a disk


def blob(data: bytes) -> None:
    """A blob is refused as no layer, or has the digest of what others decompress, however its pieces fall."""
    found = _diff_id(data, len(data) or 1)
    for size in (1 + len(data) // 3, 7):
        assert _diff_id(data, size) == found
    if found is not None and compression_of(data) == "gzip":
        assert found == Digest.of(gzip.decompress(data))
    elif found is not None and compression_of(data) == "none":
        assert found == Digest.of(data)


def _diff_id(data: bytes, size: int) -> Digest | None:
    try:
        inflater = Inflater(SMALL)
        for start in range(0, len(data), size):
            inflater.feed(data[start : start + size])
        return inflater.diff_id()
    except InvalidContent as error:
        _readable(error)
    return None


class Bytes:
    """Bytes as an archive is read."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, size: int) -> bytes:
        """Return what is there, as a file would."""
        if offset < 0:
            raise OSError(22, "Invalid argument")
        return self._data[offset : offset + size]

    def close(self) -> None:
        """Nothing is held."""


def archive(data: bytes) -> None:
    """An archive is refused as such, or a table of files that lie in it."""
    try:
        table = read_table(Bytes(data), "it")
    except ArchiveError:
        return
    for name in table.members:
        assert ".." not in name.split("/")
        with contextlib.suppress(ArchiveError):
            found = table.find(name)
            assert found is None or (found.offset >= 0 and found.size >= 0)


# --- the embedded registry's routes ----------------------------------------------------------------------


def route(
    registry: Registry, method: str, path: str, query: dict[str, str], sent: dict[str, str], body: bytes
) -> None:
    """Nothing is answered 500, a refusal has a code of the specification, a Location leads somewhere."""
    status, head, content = ask(registry, method, path, query, sent, body)
    assert 200 <= status < 500
    if status >= 400 and method != "HEAD":
        [error] = json.loads(content)["errors"]
        assert re.fullmatch(r"[A-Z_]+", error["code"])
    if "location" in head:
        assert ask(registry, "GET", head["location"], {}, {}, b"")[0] in {200, 204}
    if status == 200 and "docker-content-digest" in head and method == "GET":
        algorithm, _, encoded = head["docker-content-digest"].partition(":")
        assert hashlib.new(algorithm, content).hexdigest() == encoded
