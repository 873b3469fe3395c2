"""What ``index.json`` of a layout, or of an archive, says of the manifests that a write put there. Pure."""

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.frozen import FrozenDict, frozen_mapping
from lazyimg.oci.index import Index

REF_NAME = "org.opencontainers.image.ref.name"


def frozen_annotations(annotations: Mapping[str, str]) -> FrozenDict[str, str]:
    """Annotations that cannot be changed; a converter for attrs fields."""
    return frozen_mapping(annotations)


@frozen
class Naming:
    """A manifest that is in place, and how it is to be named.

    Attributes:
        manifest: which.
        names: its tags; without one it is named by its digest alone.
        annotations: further ones of its entry.
        replaces: entries with all of these annotations go.
    """

    manifest: Descriptor
    names: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(factory=dict, converter=frozen_annotations)
    replaces: Mapping[str, str] = field(factory=dict, converter=frozen_annotations)

    def entries(self) -> tuple[Descriptor, ...]:
        """What ``index.json`` is to say: an entry a tag."""
        said = {**self.manifest.annotations, **self.annotations}
        tagged = tuple(self.manifest.replace(annotations={**said, REF_NAME: name}) for name in self.names)
        return tagged or (self.manifest.replace(annotations=said),)

    def replaces_entry(self, entry: Descriptor) -> bool:
        """Whether an entry loses its place: as a tag of a registry does when it moves."""
        name = entry.annotations.get(REF_NAME)
        is_same = name is None and entry.digest == self.manifest.digest
        is_like = bool(self.replaces) and self.replaces.items() <= entry.annotations.items()
        return name in self.names or is_same or is_like


def named(index: Index, namings: Iterable[Naming], *, alone: bool = False) -> Index:
    """The index with manifests named in it.

    Args:
        index: what it says now.
        namings: what it is to say besides; a later one takes a tag from an earlier one.
        alone: whether whatever else it says goes.
    """
    entries = () if alone else index.manifests
    for naming in namings:
        kept = (entry for entry in entries if not naming.replaces_entry(entry))
        entries = (*kept, *naming.entries())
    return index.with_manifests(entries)


def digest_of(index: Index, name: str) -> Digest | None:
    """The digest that a tag says; None if there is no such tag."""
    return next((e.digest for e in index.manifests if e.annotations.get(REF_NAME) == name), None)
