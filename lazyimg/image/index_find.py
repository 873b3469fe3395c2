"""Finding entries of an index: by platform, digest, name, annotation; to any depth."""

from collections.abc import Iterator

from attrs import field, frozen

from lazyimg.engine import Engine, current_engine
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.image.known import without_subject
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.platform import Platform, matches
from lazyimg.stores.naming import REF_NAME
from lazyimg.write.asking import index_document


@frozen
class Found:
    """An entry of an index.

    Attributes:
        descriptor: as it stands in the index.
        child: the image, or the index, that it names.
    """

    descriptor: Descriptor
    child: Image | Index


def _digest(digest: str | None) -> Digest | None:
    return None if digest is None else Digest(digest)


@frozen
class Wanted:
    """What is looked for; None is anything."""

    platform: Platform | None = None
    digest: Digest | None = field(default=None, converter=_digest)
    name: str | None = None
    annotation: str | tuple[str, str] | None = None

    def is_met_by(self, entry: Descriptor) -> bool:
        """Whether all that is given is true of an entry."""
        return (
            self._serves(entry.platform)
            and self.digest in (None, entry.digest)
            and self.name in (None, entry.annotations.get(REF_NAME))
            and self._is_annotated(entry)
        )

    def _serves(self, platform: Platform | None) -> bool:
        return self.platform is None or (platform is not None and matches(platform, self.platform))

    def _is_annotated(self, entry: Descriptor) -> bool:
        if isinstance(self.annotation, tuple):
            name, value = self.annotation
            return entry.annotations.get(name) == value
        return self.annotation is None or self.annotation in entry.annotations


def wanted(
    platform: str | Platform | None,
    digest: str | None,
    name: str | None,
    annotation: str | tuple[str, str] | None,
) -> Wanted:
    """What a user looks for.

    Raises:
        InvalidPlatform: the text is no platform.
        InvalidDigest: the text is no digest.
    """
    parsed = Platform.parse(platform) if isinstance(platform, str) else platform
    return Wanted(parsed, digest, name, annotation)


def find(index: Index, wanted: Wanted, engine: Engine | None) -> tuple[Found, ...]:
    """The entries that are meant, those of an index within after it."""
    return tuple(
        found for found in _entries(index, engine or current_engine()) if wanted.is_met_by(found.descriptor)
    )


def _entries(index: Index, engine: Engine) -> Iterator[Found]:
    state = engine.force(index)
    document = index_document(without_subject(state), engine, None)
    for descriptor, entry in zip(document.manifests, state.entries, strict=True):
        assert isinstance(entry.child, Image | Index)  # noqa: S101 - what an index is made of
        yield Found(descriptor, entry.child)
        if isinstance(entry.child, Index):
            yield from _entries(entry.child, engine)
