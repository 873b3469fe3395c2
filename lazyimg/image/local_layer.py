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
from lazyimg.content.source import Opener, Stream, TarFile
from lazyimg.content.stream import OneShot
from lazyimg.errors import InvalidMutation
from lazyimg.image.layer import Layer
from lazyimg.oci.digest import Digest
from lazyimg.oci.media_type import layer_media_type
from lazyimg.state.contents import Contents, Local
from lazyimg.thunk.key import Opaque
from lazyimg.thunk.run import Run


@frozen
class FromTar(Layer):
    """A tar file, compressed on its way out."""

    path: Path = field(converter=absolute)
    compression: Compression = field(factory=Gzip, kw_only=True)

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - a description, read when consumed
        """Say what is to be read."""
        return Local(TarFile(self.path), self.compression)


@frozen
class FromDirectory(Layer):
    """A directory tree, as deterministic tar entries."""

    directory: Directory
    compression: Compression = field(factory=Gzip, kw_only=True)

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - a description, read when consumed
        """Say what is to be read."""
        return Local(self.directory, self.compression)


@frozen
class FromFiles(Layer):
    """Named files, from bytes at hand or from paths."""

    files: FileMap
    compression: Compression = field(factory=Gzip, kw_only=True)

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - a description, read when consumed
        """Say what is to be read."""
        return Local(self.files, self.compression)


@frozen
class FromStream(Layer):
    """A one-shot stream of an uncompressed tar."""

    one_shot: OneShot
    spool: bool = True
    compression: Compression = field(factory=Gzip, kw_only=True)

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - a description, read when consumed
        """Say what is to be read."""
        return Local(Stream(self.one_shot), self.compression, spool=self.spool)


@frozen
class FromOpener(Layer):
    """An uncompressed tar that a function opens, as often as needed."""

    opener: Opaque[Callable[[], Any]]
    compression: Compression = field(factory=Gzip, kw_only=True)

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - a description, read when consumed
        """Say what is to be read."""
        return Local(Opener(self.opener), self.compression)


@frozen
class FromBlob(Layer):
    """A layer blob in a file, kept as it is; where its identity is given, opened only to be uploaded."""

    path: Path = field(converter=absolute)
    given: Identity | None = None

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - a description, read when consumed
        """Say what is to be read."""
        return Local(BlobFile(self.path), None, self.given)


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
