"""The uncompressed tar of what a layer comes to, for the layers that are made of it."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager

from attrs import evolve, frozen

from lazyimg.content.blob_pass import Expected
from lazyimg.content.derived import OpenTar
from lazyimg.content.identity import Identity
from lazyimg.content.magic import begun, compression_of
from lazyimg.content.pipeline import verified
from lazyimg.content.plain import uncompressed
from lazyimg.content.source import ReadInto, Source
from lazyimg.errors import ContentMismatch, InvalidContent
from lazyimg.oci.digest import Digest, new_hash
from lazyimg.runtime import Work
from lazyimg.state.contents import Contents, Local, Stored, counts_itself

_CHUNK = 1 << 20


@frozen(eq=False)
class ContentsTar:
    """The tar in what a layer comes to.

    Attributes:
        contents: local bytes, or a blob that rests somewhere.
        work: what it is read with.
        check: called between pieces; what it raises ends the reading.
    """

    contents: Contents
    work: Work
    check: Callable[[], None]

    @property
    def one_shot(self) -> bool:
        """Whether it is a stream."""
        return isinstance(self.contents, Local) and self.contents.source.one_shot

    def describe(self) -> str:
        """The digest and the home of a blob, or what the source says."""
        if isinstance(self.contents, Stored):
            return f"layer {self.contents.descriptor.digest} of {self.contents.home}"
        return f"layer {self.contents.source.describe()}"

    @contextmanager
    def open(self) -> Iterator[OpenTar]:
        """Open it: a file, a stream, or the blob where it rests.

        Raises:
            SourceError: it cannot be opened.
        """
        if isinstance(self.contents, Stored):
            with closing(self._stored(self.contents)) as blob:
                yield OpenTar(uncompressed(blob, self.describe(), self.work.limits))
            return
        source = self.contents.source
        with source.open() as reader:
            self._count(source, opened=1)
            one_shot = source.one_shot or bool(getattr(reader, "one_shot", False))
            yield OpenTar(self._plain(self.contents, self._read(source, reader)), one_shot)

    def _stored(self, blob: Stored) -> Generator[bytes | memoryview, None, None]:
        for chunk in blob.home.chunks(blob.descriptor, 0, self.work):
            self.check()
            yield chunk

    def _read(self, source: Source, reader: ReadInto) -> Iterator[bytes]:
        buffer = memoryview(bytearray(_CHUNK))
        while size := verified(reader.readinto(buffer), _CHUNK, source.describe()):
            self.check()
            self._count(source, bytes_read=size)
            yield bytes(buffer[:size])

    def _count(self, source: Source, *, opened: int = 0, bytes_read: int = 0) -> None:
        """Count what is read of this machine; what is made of other layers was counted there."""
        if not counts_itself(source):
            self.work.counters.add(opened=opened, bytes_read=bytes_read)

    def _plain(self, local: Local, blob: Iterator[bytes]) -> Iterator[bytes]:
        if local.compression is not None:
            return self._as_said(local.diff_id, _tar_alone(blob, self.describe()))
        if local.given is None:
            return uncompressed(blob, self.describe(), self.work.limits)
        return self._vouched(local.given, blob)

    def _as_said(self, diff_id: Digest | None, tar: Iterator[bytes]) -> Iterator[bytes]:
        """A tar, held against what a document says of it at its end."""
        if diff_id is None:
            yield from tar
            return
        found = new_hash(diff_id.algorithm)
        for chunk in tar:
            found.update(chunk)
            yield chunk
        if Digest.from_hash(found) != diff_id:
            raise ContentMismatch(
                f"{self.describe()} has the diff_id {Digest.from_hash(found)}, but the config of its image "
                f"says {diff_id}: it is damaged, or was changed while it was read"
            )

    def _vouched(self, given: Identity, blob: Iterator[bytes]) -> Iterator[bytes]:
        """The tar in a blob that a user vouches for, held against that at its end."""
        blob_hash, tar_hash, size = new_hash(), new_hash(), 0

        def hashed() -> Iterator[bytes]:
            nonlocal size
            for chunk in blob:
                size += len(chunk)
                blob_hash.update(chunk)
                yield chunk

        for chunk in uncompressed(hashed(), self.describe(), self.work.limits):
            tar_hash.update(chunk)
            yield chunk
        found = evolve(
            given, digest=Digest.from_hash(blob_hash), diff_id=Digest.from_hash(tar_hash), size=size
        )
        Expected(given.digest, given.diff_id, given.size).verify(found, self.describe())


def _tar_alone(chunks: Iterator[bytes], what: str) -> Iterator[bytes]:
    """The chunks, unless they begin like something that is compressed."""
    beginning = begun(chunks)
    name = compression_of(beginning)
    if name != "none":
        raise InvalidContent(f"{what} is no tar but {name}: use Layer.from_blob, or give the tar inside it")
    if beginning:
        yield beginning
    yield from chunks
