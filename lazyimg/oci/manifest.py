"""Image manifests: a config and the layers, base first."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Self

import attrs

from lazyimg.errors import InvalidDocument
from lazyimg.oci.annotated import MAX_MANIFEST, Annotated, descriptors_json, essence
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.document import Document
from lazyimg.oci.index import Index
from lazyimg.oci.media_type import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_MANIFEST, is_image_config, is_index

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lazyimg.oci.json_value import Json


@attrs.frozen(eq=False, repr=False)
class Manifest(Annotated):
    """The manifest of one image, or of an artifact (image-spec manifest.md)."""

    ORDER: ClassVar[tuple[str, ...]] = (
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "subject",
        "annotations",
    )
    WHAT: ClassVar[str] = "manifest"
    MEDIA_TYPES: ClassVar[frozenset[str]] = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
    FOREIGN: ClassVar[frozenset[str]] = frozenset({"manifests"})

    @classmethod
    def new(
        cls,
        *,
        config: Descriptor,
        layers: Iterable[Descriptor] = (),
        media_type: str = OCI_MANIFEST,
    ) -> Self:
        """Make a manifest of this config and these layers, base first.

        Raises:
            InvalidDocument: ``media_type`` is no manifest's.
        """
        members: dict[str, Json] = {"config": config.to_json(), "layers": descriptors_json(layers)}
        return cls.made(media_type, members)

    @cached_property
    def config(self) -> Descriptor:
        """The descriptor of the config."""
        if self._members.get("config") is None:
            raise InvalidDocument("the manifest has no config")
        return Descriptor.from_json(self._members["config"], "manifest.config")

    @cached_property
    def layers(self) -> tuple[Descriptor, ...]:
        """The descriptors of the layers, base first."""
        return self._descriptors("layers")

    @property
    def is_image(self) -> bool:
        """Whether it is a container image's: its config is one."""
        return is_image_config(self.config.media_type)

    def with_config(self, config: Descriptor) -> Self:
        """Return the manifest with another config."""
        return self if config == self.config else self._put("config", config.to_json())

    def with_layers(self, layers: Iterable[Descriptor]) -> Self:
        """Return the manifest with exactly these layers, base first."""
        wanted = tuple(layers)
        return self if wanted == self.layers else self._put("layers", descriptors_json(wanted))

    def _implied_media_type(self) -> str:
        return DOCKER_MANIFEST if self.config.media_type == DOCKER_CONFIG else OCI_MANIFEST

    def _check(self) -> None:
        super()._check()
        _ = self.config, self.layers


@attrs.frozen(eq=False, repr=False)
class _Undecided(Document):
    """A document under a tag, before it is known which kind it is."""

    WHAT: ClassVar[str] = "manifest"
    LIMIT: ClassVar[int] = MAX_MANIFEST


def parse_manifest(data: bytes | str, media_type: str | None = None) -> Manifest | Index:
    """Read what a registry serves as a manifest: an image's manifest or an index.

    Args:
        data: the whole document.
        media_type: the ``Content-Type`` it came with, if any; else its content decides.

    Raises:
        InvalidDocument: it is neither, or contradicts itself; see `Annotated.parse`.
    """
    document = _Undecided.parse(data)
    kind: type[Manifest | Index] = Index if _lists_manifests(document, media_type) else Manifest
    return kind.typed(document, media_type)


def _lists_manifests(document: Document, media_type: str | None) -> bool:
    named = essence(media_type) or document.get("mediaType")
    return is_index(named) if isinstance(named, str) and named else "manifests" in document
