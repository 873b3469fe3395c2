"""Image indexes (Docker: manifest lists): one name for the images of several platforms."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

import attrs

from lazyimg.errors import InvalidDocument
from lazyimg.oci.annotated import Annotated, descriptors_json
from lazyimg.oci.media_type import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazyimg.oci.descriptor import Descriptor


@attrs.frozen(eq=False, repr=False)
class Index(Annotated):
    """An image index (image-spec image-index.md).

    Example:
        >>> Index.new().to_bytes()
        b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}'
    """

    ORDER: ClassVar[tuple[str, ...]] = (
        "schemaVersion",
        "mediaType",
        "artifactType",
        "manifests",
        "subject",
        "annotations",
    )
    WHAT: ClassVar[str] = "index"
    MEDIA_TYPES: ClassVar[frozenset[str]] = frozenset({OCI_INDEX, DOCKER_INDEX})
    FOREIGN: ClassVar[frozenset[str]] = frozenset({"config", "layers", "fslayers"})

    @classmethod
    def new(cls, *, media_type: str = OCI_INDEX, manifests: Iterable[Descriptor] = ()) -> Self:
        """Make an index of these manifests.

        Raises:
            InvalidDocument: ``media_type`` is no index's.
        """
        return cls.made(media_type, {"manifests": descriptors_json(manifests)})

    @cached_property
    def manifests(self) -> tuple[Descriptor, ...]:
        """What the index lists, in its order."""
        return self._descriptors("manifests")

    def with_manifests(self, manifests: Iterable[Descriptor]) -> Self:
        """Return the index listing exactly these."""
        wanted = tuple(manifests)
        return self if wanted == self.manifests else self._put("manifests", descriptors_json(wanted))

    def _implied_media_type(self) -> str:
        docker = any(entry.media_type == DOCKER_MANIFEST for entry in self.manifests)
        return DOCKER_INDEX if docker else OCI_INDEX

    def _check(self) -> None:
        super()._check()
        if "manifests" not in self._members:
            raise InvalidDocument("the index has no list of manifests")
        _ = self.manifests
