"""A registry with mirrors: what is named by a digest is read from them, in turn, and then from the registry.

A tag is asked of the registry alone, as a mirror could answer with an old image or another one; the digest it
gives is then read from the mirrors (docs/decisions/0017-mirrors.md). Everything is verified as always, so a
mirror is not trusted; it is asked with the credentials that its own host has, never with the registry's. One
that fails costs no read, but is told of, once, as a warning.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import define

from lazyimg.errors import ContentMismatch, LazyImgError, NotFound, RegistryError, RegistryUnreachable
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest, new_hash
from lazyimg.registry.answers import RawManifest, named_digest
from lazyimg.registry.client import Client
from lazyimg.registry.download import Blob
from lazyimg.registry.transport.notices import warn

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

REST: Final = 60.0  # seconds that a mirror is left alone that was not reached, or that sent wrong bytes
_NEXT = (RegistryError, RegistryUnreachable, ContentMismatch)


@define(eq=False)
class Mirror:
    """A mirror in use.

    Attributes:
        client: speaks with it.
        prefix: what comes before the repository's name there.
        rests_until: when it may be asked again, by the monotonic clock.
        is_told: whether a `RegistryWarning` told of a failure of it; one does.
    """

    client: Client
    prefix: str = ""
    rests_until: float = 0.0
    is_told: bool = False

    @property
    def is_awake(self) -> bool:
        """Whether it may be asked."""
        return time.monotonic() >= self.rests_until

    def failed(self, error: LazyImgError) -> None:
        """Take in a failure; that it has not got something is none."""
        if isinstance(error, RegistryUnreachable | ContentMismatch):
            self.rests_until = time.monotonic() + REST
        if not (isinstance(error, NotFound) or self.is_told):
            self.is_told = True
            warn(f"a mirror is passed over: {error}")


class MirroredClient(Client):
    """Speaks with one registry that has mirrors. Thread safe.

    Args:
        host: the registry.
        mirrors: asked first, in this order; closed with this client.
        settings: as of `Client`.
    """

    def __init__(self, host: str, *, mirrors: Iterable[Mirror], **settings: Any) -> None:
        super().__init__(host, **settings)
        self._mirrors: Sequence[Mirror] = tuple(mirrors)

    def close(self) -> None:
        """Close every connection, to the mirrors as well."""
        super().close()
        for mirror in self._mirrors:
            mirror.client.close()

    def get_manifest(self, repository: str, reference: str) -> RawManifest:
        """Read a manifest or index, verified: by its digest from the mirrors, then from the registry.

        Of a tag, the registry is asked for its digest first.

        Raises:
            NotFound: there is none at the registry.
            ContentMismatch: the registry sent other bytes.
        """
        digest = named_digest(reference) or self.head_manifest(repository, reference).digest
        for mirror in self._awake():
            try:
                return mirror.client.get_manifest(mirror.prefix + repository, digest)
            except _NEXT as error:
                mirror.failed(error)
        return super().get_manifest(repository, digest)

    def _described(self, repository: str, reference: str) -> Descriptor:
        raw = super().get_manifest(repository, reference)
        return Descriptor(media_type=raw.media_type, digest=raw.digest, size=len(raw.data))

    def blob(  # noqa: PLR0913 - as `Client.blob`
        self,
        repository: str,
        digest: str,
        size: int | None,
        offset: int = 0,
        *,
        length: int | None = None,
        hasher: "Hash | None" = None,
    ) -> Iterator[bytes]:
        """Read a blob as `Client.blob`: from the mirrors in turn, each going on where the last one broke.

        Raises:
            InvalidSetting: a blob of that size has no such part.
            ContentMismatch: the bytes are not those that were asked for.
            NotFound: nobody has such a blob.
            RegistryUnreachable: the registry itself cannot be reached, or the connection keeps breaking.
        """
        wanted = Blob(digest=Digest(digest), size=size, offset=offset, length=length, hasher=hasher)
        return self._read(repository, wanted)

    def _read(self, repository: str, wanted: Blob) -> Iterator[bytes]:
        digest, size, hasher = wanted.digest, wanted.size, wanted.hasher
        if hasher is None and wanted.offset == 0 and wanted.length is None:
            hasher = new_hash(digest.algorithm)
        at, left = wanted.offset, wanted.length
        for mirror in self._awake():
            try:
                copied = hasher.copy() if hasher else None
                name = mirror.prefix + repository
                for part in mirror.client.blob(name, digest, size, at, length=left, hasher=copied):
                    at += len(part)
                    left = None if left is None else left - len(part)
                    if hasher is not None:
                        hasher.update(part)
                    yield part
            except _NEXT as error:
                mirror.failed(error)
                if isinstance(error, ContentMismatch) and at > wanted.offset:
                    raise  # what was given out already is wrong
            else:
                return
        yield from super().blob(repository, digest, size, at, length=left, hasher=hasher)

    def _awake(self) -> Iterator[Mirror]:
        return (mirror for mirror in self._mirrors if mirror.is_awake)
