"""Layers of this machine: each a thunk that says what it would read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import field, frozen

from lazyimg.content.blob_file import BlobFile
from lazyimg.content.compression import Compression, Gzip
from lazyimg.content.directory import Directory
from lazyimg.content.filemap import FileMap
from lazyimg.content.identity import Identity
from lazyimg.content.local import absolute
from lazyimg.content.magic import compression_of
from lazyimg.content.source import Bytes, Opener, Source, Stream, TarFile
from lazyimg.content.stream import OneShot
from lazyimg.content.url import Options, Url, UrlSource
from lazyimg.errors import InvalidMutation
from lazyimg.image.layer import Layer
from lazyimg.oci.digest import Digest
from lazyimg.oci.media_type import layer_media_type
from lazyimg.state.contents import Contents, Local
from lazyimg.thunk.brief import sized
from lazyimg.thunk.key import Opaque
from lazyimg.thunk.run import Run


@frozen
class LocalLayer(Layer):
    """A layer whose tar is on this machine, compressed on its way out.

    Attributes:
        compression: part of the layer's digest.
    """

    compression: Compression = field(factory=Gzip, kw_only=True)

    def source(self) -> Source:
        """Where the tar comes from: a description, opened when it is consumed."""
        raise NotImplementedError(f"{type(self).__qualname__} does not say what it reads")

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - known without a run
        """Say what is to be read; nothing is."""
        return Local(self.source(), self.compression)


@frozen
class FromTar(LocalLayer):
    """A tar file, compressed on its way out."""

    path: Path = field(converter=absolute)

    def source(self) -> Source:
        """The file."""
        return TarFile(self.path)


@frozen
class FromDirectory(LocalLayer):
    """A directory tree, as deterministic tar entries."""

    directory: Directory

    def source(self) -> Source:
        """The tree."""
        return self.directory


@frozen
class FromFiles(LocalLayer):
    """Named files, from bytes at hand or from paths."""

    named: FileMap

    def source(self) -> Source:
        """The files."""
        return self.named


@frozen
class FromStream(LocalLayer):
    """A one-shot stream of an uncompressed tar."""

    one_shot: OneShot
    spool: bool = True

    def source(self) -> Source:
        """The stream."""
        return Stream(self.one_shot)

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - known without a run
        """Say what is to be read, and whether a copy of it is kept; nothing is read."""
        return Local(self.source(), self.compression, spool=self.spool)


@frozen
class FromOpener(LocalLayer):
    """An uncompressed tar that a function opens, as often as needed."""

    opener: Opaque[Callable[[], Any]]

    def source(self) -> Source:
        """What the function opens."""
        return Opener(self.opener)


@frozen
class FromBytes(Layer):
    """A layer whose bytes are at hand: a tar, compressed on its way out, or a blob that is kept as it is."""

    data: bytes = field(repr=sized)
    compression: Compression = field(factory=Gzip)

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - known without a run
        """Say what they are, told by how they begin."""
        is_tar = compression_of(self.data) == "none"
        return Local(Bytes(self.data), self.compression if is_tar else None)


@frozen
class FromUrl(Layer):
    """A tar at a URL, compressed on its way out; or a blob that is kept as it is.

    Attributes:
        compression: None keeps the bytes as they are.
    """

    url: Url
    options: Options
    compression: Compression | None = field(factory=Gzip)

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - a description, read when consumed
        """Say what is to be read."""
        return Local(UrlSource(self.url, self.options), self.compression)


@frozen
class FromBlob(Layer):
    """A layer blob in a file, kept as it is; where its identity is given, opened only to be uploaded."""

    path: Path = field(converter=absolute)
    given: Identity | None = None

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - a description, read when consumed
        """Say what is to be read."""
        return Local(BlobFile(self.path), None, self.given)


@frozen
class FromSource(Layer):
    """What a source of a user's own gives: a tar, compressed on its way out, or a blob kept as it is.

    Attributes:
        compression: None keeps the bytes as they are.
    """

    tar: Source
    compression: Compression | None = field(factory=Gzip)

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - a description, read when consumed
        """Say what is to be read."""
        return Local(self.tar, self.compression)


def from_source(source: Source, compression: Compression | None) -> FromSource:
    """The layer of a user's own source.

    Raises:
        InvalidMutation: the source can be opened only once.
    """
    if source.one_shot:
        raise InvalidMutation(
            f"{source.describe()} can be opened only once: give what it opens to Layer.from_stream, which "
            "knows who reads a stream and who waits for it"
        )
    return FromSource(source, compression)


_BY_SUFFIX = {".gz": "gzip", ".tgz": "gzip", ".zst": "zstd", ".tzst": "zstd", ".tar": "none"}


def vouched(
    path: str | os.PathLike[str],
    media_type: str | None,
    digest: str | None,
    diff_id: str | None,
    size: int | None,
) -> Identity | None:
    """The identity that a user vouches for, or None where nothing is given.

    Raises:
        InvalidMutation: some of it is given and the rest cannot be known without opening the file.
    """
    if digest is None and diff_id is None and size is None:
        return None
    if digest is None or diff_id is None or size is None:
        raise InvalidMutation(
            f"{os.fspath(path)}: digest, diff_id and size are given together or not at all, because with two "
            "of them the file would have to be read for the third"
        )
    compression = _BY_SUFFIX.get(Path(path).suffix)
    if media_type is None and compression is None:
        raise InvalidMutation(
            f"{os.fspath(path)}: its name does not tell how it is compressed; give media_type= as well"
        )
    named = media_type or layer_media_type(compression or "none", docker=False)
    return Identity(digest=Digest(digest), size=size, diff_id=Digest(diff_id), media_type=named)
