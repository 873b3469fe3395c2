"""The public face of a layer."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from attrs import frozen

from lazyimg.content.compression import GZIP, Compression
from lazyimg.content.identity import Identity
from lazyimg.oci.digest import Digest
from lazyimg.state.contents import Contents
from lazyimg.state.image_state import StateLayer
from lazyimg.thunk.thunk import Thunk

if TYPE_CHECKING:
    from lazyimg.content.files import Files
    from lazyimg.content.source import Source
    from lazyimg.engine import Engine
    from lazyimg.notebook.graph import Graph
    from lazyimg.oci.reference import Reference


@frozen
class Layer(Thunk[Contents]):
    r"""One layer of an image: a thunk for its bytes.

    The constructors compose: nothing is opened or read before a write consumes the layer, or its identity
    is asked for.

    >>> layer = Layer.from_files({"/etc/motd": b"hello\n"})
    >>> layer.digest().short
    '6c5c3a5285f8'
    """

    is_local: ClassVar[bool] = True
    """Whether its bytes are of this machine, to be read when a write consumes it."""

    @staticmethod
    def from_tar(path: str | os.PathLike[str], *, compression: Compression = GZIP) -> "Layer":
        """A tar file (or a FIFO that somebody writes one to), compressed on its way out.

        Args:
            path: made absolute now, opened when the layer is consumed.
            compression: part of the layer's digest.
        """
        from lazyimg.image.local_layer import FromTar

        return FromTar(Path(path), compression=compression)

    @staticmethod
    def from_directory(  # noqa: PLR0913 - what a tar entry has, by name
        path: str | os.PathLike[str],
        at: str = "/",
        *,
        owner: Any = (0, 0),
        mode: Any = None,
        mtime: Any = 0,
        exclude: str | Sequence[str] = (),
        compression: Compression = GZIP,
    ) -> "Layer":
        """A directory tree, in an order and with fields that depend on nothing but the tree.

        Args:
            path: the directory; its contents, not itself, stand at ``at``.
            at: the directory in the image; made with mode 755 with its parents.
            owner: ``(uid, gid)``, None for the files' own, or a function of the entry.
            mode: permission bits, None for the files' own, or a function of the entry.
            mtime: seconds since 1970 UTC, None for the files' own, or a function of the entry.
            exclude: gitignore patterns, relative to ``path`` (needs the extra ``patterns``).
            compression: part of the layer's digest.
        """
        from lazyimg.content.directory import Directory
        from lazyimg.image.local_layer import FromDirectory

        source = Directory(Path(path), at=at, owner=owner, mode=mode, mtime=mtime, exclude=exclude)
        return FromDirectory(source, compression=compression)

    @staticmethod
    def from_files(
        files: Mapping[str, bytes | os.PathLike[str]],
        *,
        owner: Any = (0, 0),
        mode: Any = None,
        mtime: Any = 0,
        compression: Compression = GZIP,
    ) -> "Layer":
        """Files by their paths in the image: bytes are the content, a path is the file to read it from.

        Args:
            files: absolute paths in the image, each with its content.
            owner: ``(uid, gid)``, or a function of the entry.
            mode: permission bits, or a function of the entry; by default 644, or those of the file read.
            mtime: seconds since 1970 UTC, or a function of the entry.
            compression: part of the layer's digest.
        """
        from lazyimg.content.filemap import FileMap
        from lazyimg.image.local_layer import FromFiles

        return FromFiles(FileMap(files, owner=owner, mode=mode, mtime=mtime), compression=compression)

    @staticmethod
    def from_stream(
        readable: BinaryIO | Any, *, spool: bool = True, compression: Compression = GZIP
    ) -> "Layer":
        """A tar that can be read once: a pipe, a socket, a response. It is not closed.

        Args:
            readable: has ``readinto`` or ``read``, and gives bytes.
            spool: whether the compressed bytes are kept in scratch space while they are sent, so that a
                broken upload can go on. Without it the layer goes up in chunks, of which the one under way is
                in memory: a registry that keeps what had arrived lets it go on all the same.
            compression: part of the layer's digest.
        """
        from lazyimg.content.stream import OneShot
        from lazyimg.image.local_layer import FromStream

        return FromStream(OneShot(readable), spool, compression=compression)

    @staticmethod
    def from_opener(
        function: Callable[[], Any], *, key: str | None = None, compression: Compression = GZIP
    ) -> "Layer":
        """A tar that a function opens, the same bytes each time.

        Args:
            function: called without arguments; returns an object with ``readinto`` or ``read``.
            key: what tells this layer from others in keys; random unless given.
            compression: part of the layer's digest.
        """
        from lazyimg.image.local_layer import FromOpener
        from lazyimg.thunk.key import Opaque

        opener = Opaque(function) if key is None else Opaque(function, token=key)
        return FromOpener(opener, compression=compression)

    @staticmethod
    def from_source(source: "Source", *, compression: Compression | None = GZIP) -> "Layer":
        """A tar that a source of one's own gives; see `lazyimg.Source`.

        Args:
            source: frozen; opened when the layer is consumed, and read to its end.
            compression: part of the layer's digest; None keeps a blob that is compressed already as it is.

        Raises:
            InvalidMutation: the source can be opened only once: `from_stream` is for streams.
        """
        from lazyimg.image.local_layer import from_source

        return from_source(source, compression)

    @staticmethod
    def from_bytes(data: bytes, *, compression: Compression = GZIP) -> "Layer":
        """A layer whose bytes are at hand.

        Args:
            data: a tar, or a blob (gzip or zstd, told by its content) that is kept as it is.
            compression: of a tar, and of what else is no blob yet; part of the layer's digest. An artifact's
                bytes stay as they are with `lazyimg.Uncompressed`.
        """
        from lazyimg.image.local_layer import FromBytes

        return FromBytes(bytes(data), compression)

    @staticmethod
    def from_url(
        url: str, *, options: Mapping[str, Any] | None = None, compression: Compression | None = GZIP
    ) -> "Layer":
        """A tar at a URL of any file system that fsspec knows (needs the extra ``fsspec``).

        Args:
            url: such as ``s3://bucket/rootfs.tar``; opened when the layer is consumed.
            options: for fsspec: end points, credentials. They are shown nowhere.
            compression: part of the layer's digest; None keeps a blob that is compressed already as it is.

        Raises:
            ValueError: it is a path, or holds a user or a password.
        """
        from lazyimg.content.url import Options, Url
        from lazyimg.image.local_layer import FromUrl

        return FromUrl(Url(url), Options(options or {}), compression)

    @staticmethod
    def from_registry(
        reference: "str | Reference",
        *,
        size: int | None = None,
        diff_id: str | None = None,
        media_type: str | None = None,
    ) -> "Layer":
        """A blob of a repository, mounted from there or copied.

        What is not given is found out when something needs it: the size by a HEAD, the other two by reading
        the blob, while it is copied.

        Args:
            reference: such as ``ghcr.io/me/base@sha256:...``, with the blob's digest.
            size: in bytes.
            diff_id: of the tar in it.
            media_type: of the blob.

        Raises:
            InvalidReference: the text is no reference.
            InvalidMutation: it names no digest.
        """
        from lazyimg.image.remote_layer import remote_layer

        return remote_layer(reference, size, diff_id, media_type)

    @staticmethod
    def foreign(
        urls: Sequence[str], *, digest: str, size: int, diff_id: str, media_type: str | None = None
    ) -> "Layer":
        """A non-distributable layer (image-spec layer.md): named in the image, never read, never sent.

        Args:
            urls: from which whoever runs the image gets it; nothing is fetched from there.
            digest: of the blob.
            size: of the blob, in bytes.
            diff_id: of the tar in it.
            media_type: by default a gzipped non-distributable layer's.

        Raises:
            InvalidMutation: no URL, or the media type of a layer that is distributable.
        """
        from lazyimg.image.foreign_layer import foreign_layer

        return foreign_layer(urls, digest, size, diff_id, media_type)

    @staticmethod
    def random(seed: int | str, size: int = 1024, *, compression: Compression = GZIP) -> "Layer":
        """A tar of one file of bytes that look random, the same everywhere for the same seed.

        Args:
            seed: tells one from another.
            size: bytes of the file.
            compression: part of the layer's digest.
        """
        from lazyimg.content.random_tar import RandomTar
        from lazyimg.image.random_source import RandomLayer

        return RandomLayer(RandomTar(str(seed), size), compression=compression)

    @staticmethod
    def from_blob(
        path: str | os.PathLike[str],
        *,
        media_type: str | None = None,
        digest: str | None = None,
        diff_id: str | None = None,
        size: int | None = None,
    ) -> "Layer":
        """A layer blob in a file (gzip, zstd or a plain tar, told by its content), kept as it is.

        With ``digest``, ``diff_id`` and ``size`` given, it is opened only if it has to be uploaded; they
        are checked then.

        Raises:
            ValueError: some of the three are given and others not.
        """
        from lazyimg.image.local_layer import FromBlob, vouched

        return FromBlob(Path(path), vouched(path, media_type, digest, diff_id, size))

    def digest(self, timeout: float | None = None) -> Digest:
        """The blob's digest; see `identity` for what this reads, and when it waits."""
        return self.identity(timeout).digest

    def size(self, timeout: float | None = None) -> int:
        """The blob's size in bytes; see `identity`."""
        return self.identity(timeout).size

    def diff_id(self, timeout: float | None = None) -> Digest:
        """The digest of the uncompressed tar; see `identity`."""
        return self.identity(timeout).diff_id

    def identity(self, timeout: float | None = None, *, engine: "Engine | None" = None) -> Identity:
        """Digest, size and diff_id, in one reading of the source.

        A source that can be opened again is read to its end now. A one-shot stream is not touched: the
        call waits until a write has consumed it.

        Args:
            timeout: seconds to wait at most for a stream; None waits as long as it takes.
            engine: by default the current one.

        Raises:
            NobodyConsumes: on the main thread, without a timeout, while no write reads the stream.
            IdentityTimeout: the stream was not consumed in time.
            ForcedInside: called from an evaluation.
            BaseException: what the source raised.
        """
        from lazyimg.write.asking import identity

        return identity(self, engine, timeout)

    def placed(self, annotations: Mapping[str, str], *, docker: bool) -> StateLayer:  # noqa: ARG002 - see below
        """It as a part of an image. Touches nothing.

        Args:
            annotations: of its descriptor.
            docker: whether the image is of Docker's media types; a layer of this machine gets its media
                type when it is sealed.
        """
        return StateLayer(self, annotations=annotations)

    def files(self, *, engine: "Engine | None" = None) -> "Files":
        """Its own files, with what it hides of the layers below; read once, into scratch space.

        Args:
            engine: by default the current one.

        Raises:
            InvalidContent: it is no tar, or has an entry that cannot be; it is named.
            NobodyConsumes: it is a one-shot stream, which only a write consumes.
        """
        from lazyimg.image.files import layer_files

        return layer_files(self, engine)

    def graph(self) -> "Graph":
        """The thunks it is made of, as a ``networkx.DiGraph`` that shows itself. Forces nothing."""
        from lazyimg.notebook.graph import Graph

        return Graph.of(self)

    def _repr_html_(self) -> str:
        from lazyimg.image.view import layer_html

        return layer_html(self)
