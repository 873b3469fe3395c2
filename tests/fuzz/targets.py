"""What is fuzzed: for each target how bytes become what a stranger sends, and what the search begins from."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence

from attrs import field, frozen
from fuzz import properties
from support.layers import checked, extension, file, hardlink, layer, member, symlink, tar_of

from lazyimg.content.tar_header import BLOCK, number
from lazyimg.errors import InvalidContent
from lazyimg.server.registry import Registry

DIGEST = "sha256:" + "0" * 64
CONFIG = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [DIGEST]}}
DESCRIPTOR = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": DIGEST, "size": 7}
MANIFEST = {"schemaVersion": 2, "config": DESCRIPTOR, "layers": [DESCRIPTOR], "annotations": {"a": "\u00e9"}}
PLATFORM = {"os": "linux", "architecture": "arm", "variant": "v7", "os.version": "1", "os.features": ["x"]}
INDEX = {"schemaVersion": 2, "manifests": [{**DESCRIPTOR, "platform": PLATFORM}]}
CONTAINER = {"config": {"Env": ["A=b"], "Volumes": {"/a": {}}, "Healthcheck": {"Test": ["NONE"]}}}
HISTORY = {"created": "2024-01-01T00:00:00Z", "history": [{"created_by": "x", "empty_layer": True}]}


@frozen
class Target:
    """Something that takes bytes from anybody.

    Attributes:
        try_it: raises if what must hold does not.
        seeds: what the search begins from.
        words: what it should know.
        longest: bytes of an input at most.
    """

    try_it: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[str] = ()
    longest: int = field(default=4096)


def _of_text(property_: Callable[[str], None]) -> Callable[[bytes], None]:
    """Try texts, as UTF-8 where they are that, else as the bytes of a header are read."""

    def try_it(data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        property_(text)

    return try_it


class Routes:
    """The embedded registry, asked by bytes: method, path, query, headers and body parted by zeros."""

    MOST = 2000

    def __init__(self) -> None:
        self._asked = 0
        self._registry: Registry | None = None

    def __call__(self, data: bytes) -> None:
        """Ask; a registry that was asked often gives way to a new one, so that memory stays flat."""
        method, path, query, sent, body = (data.split(b"\0", 4) + [b""] * 4)[:5]
        if not method.isalpha() or not method.isascii():
            method = b"GET"
        properties.route(
            self._fresh(), method.decode(), path.decode("latin-1"), _pairs(query), _pairs(sent), body
        )

    def _fresh(self) -> Registry:
        self._asked += 1
        if self._asked % self.MOST == 0:
            self.close()
        self._registry = self._registry or Registry().start()
        return self._registry

    def close(self) -> None:
        """Stop the registry; another is started when there is something to ask."""
        if self._registry is not None:
            self._registry.stop()
            self._registry = None


def _mended(property_: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Try tars whose checksums are right, for else nearly all are refused for those alone."""

    def try_it(data: bytes) -> None:
        property_(data if data[:1] == b"\xff" else mended(data))

    return try_it


def mended(data: bytes) -> bytes:
    """Give a tar with the checksum of each header right that a reader would come to."""
    blocks, at = bytearray(data), 0
    while at + BLOCK <= len(data) and any(blocks[at : at + BLOCK]):
        block = checked(bytes(blocks[at : at + BLOCK]))
        blocks[at : at + BLOCK] = block
        try:
            size = number(block[124:136])
        except InvalidContent:
            break
        at += BLOCK + max(0, size + -size % BLOCK)
    return bytes(blocks)


def _pairs(data: bytes) -> dict[str, str]:
    pairs = (line.partition("=") for line in data.decode("latin-1").split("&"))
    return {name.lower(): value for name, _, value in pairs if name.isascii()}


_TARS = [
    layer("a/", file("a/b", b"hello"), symlink("l", "a"), hardlink("h", "a/b"), file("a/.wh.b")),
    tar_of([file("n" * 120, b"x", uid=1 << 22), symlink("s", "../../" * 20)]),
    tar_of([file("n" * 120, b"x"), member("dev", b"3", devmajor=1, devminor=3)], 1),
    extension(b"x", b"30 GNU.sparse.map=0,3,8,2\n21 GNU.sparse.size=9\n") + tar_of([file("s", b"hello")]),
    extension(b"g", b"9 path=x\n") + extension(b"L", b"longname\0") + tar_of(["x"]),
]
ROUTES = Routes()
TARGETS = {
    "reference": Target(
        _of_text(properties.reference),
        [b"python", b"ghcr.io/me/app:1", f"[::1]:5000/a/b:c@{DIGEST}".encode(), b"localhost/a"],
        ["docker.io", "library/", "@sha256:", ":", "/", "latest", "localhost", "index.docker.io"],
        longest=512,
    ),
    "challenge": Target(
        _of_text(properties.challenge),
        [
            b'Bearer realm="https://a/t",service="r",scope="repository:a/b:pull,push"',
            b'Basic realm="a, b", Digest x=1',
        ],
        ["Bearer ", "Basic ", 'realm="', "scope=", "service=", '\\"', ",", "=="],
    ),
    "address": Target(
        _of_text(properties.address),
        [
            b"/v2/x?_state=1",
            b"https://registry.example:5000/x",
            b"https://user@cdn.example:443/a?b#c",
            b"//[::1]/",
        ],
        [
            "https://",
            "http://",
            "registry.example",
            ":5000",
            "@",
            "\\",
            "[::1]",
            "127.0.0.1",
            "%2f",
            "//",
            "#",
            "?",
        ],
        longest=512,
    ),
    "headers": Target(
        _of_text(properties.headers),
        [
            b'</v2/a/tags/list?n=2>; rel="next"',
            b"0-99",
            b"Thu, 01 Jan 2099 00:00:00 GMT",
            b'299 - "old"',
            b"100;w=21600",
        ],
        ["bytes=", "rel=", "next", "<", ">", ";", "299 - ", "GMT", "Jan", "w=", "-0000", "repository:a:pull"],
        longest=1024,
    ),
    "words": Target(
        properties.words,
        [
            b'{"errors":[{"code":"DENIED","message":"s3cret-passw0rd"}]}',
            b"s3cret-passw0rd is wrong",
            b'{"details":"x"}',
        ],
        ['"errors"', '"code"', '"message"', properties.SECRET, "s3cret", "\\u001b", "&amp;", "%20"],
    ),
    "document": Target(
        properties.document,
        [json.dumps(value).encode() for value in (CONFIG, MANIFEST, INDEX, CONTAINER, HISTORY)],
        [
            '"mediaType"',
            '"manifests"',
            '"layers"',
            '"config"',
            '"history"',
            '"created"',
            "1e5",
            "-0",
            "\\u00e9",
            "null",
        ],
        longest=8192,
    ),
    "tar": Target(
        _mended(properties.tar),
        _TARS,
        ["ustar", "GNU.sparse.", "path=", "linkpath=", "../", ".wh.", "size="],
        longest=1 << 15,
    ),
    "archive": Target(
        _mended(properties.archive),
        _TARS,
        ["ustar", "GNU.sparse.major=1", "path=", "../", "hdrcharset=BINARY"],
        longest=1 << 15,
    ),
    "layer": Target(
        properties.blob,
        [
            gzip.compress(_TARS[0], mtime=0),
            gzip.compress(b"", mtime=0) * 2,
            _TARS[0][:1024],
            b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00",
        ],
        ["\x1f\x8b\x08"],
        longest=1 << 14,
    ),
    "routes": Target(
        ROUTES,
        [
            b"POST\0/v2/a/blobs/uploads/\0mount=%s&from=b\0\0" % DIGEST.encode(),
            b"PUT\0/v2/a/manifests/v1\0\0content-type=a/b\0{}",
            b"GET\0/v2/a/referrers/%s\0artifactType=x\0range=bytes=0-5\0" % DIGEST.encode(),
            b"PATCH\0/v2/a/blobs/uploads/1\0\0content-range=0-4\0hello",
        ],
        [
            "/v2/",
            "/blobs/",
            "/uploads/",
            "/manifests/",
            "/tags/list",
            "/referrers/",
            "_catalog",
            "digest=",
            DIGEST,
        ],
    ),
}
