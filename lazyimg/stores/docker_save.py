"""What ``docker save`` writes beside the blobs: ``manifest.json``, and ``repositories`` for the old. Pure.

Configs and layers lie where docker 25 and newer put them, ``blobs/sha256/<digest>``: every reader follows the
names in ``manifest.json``. Layers may be compressed; docker, podman and skopeo tell by their first bytes.
"""

from collections.abc import Sequence

from attrs import frozen

from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.document import Json, dumps
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.reference import DEFAULT_NAMESPACE, DEFAULT_REGISTRY, DEFAULT_TAG, Reference
from lazyimg.stores.archive_writer import blob_name


@frozen
class Saved:
    """An image in the archive.

    Attributes:
        manifest: names its config and its layers; it is not in the archive itself.
        tags: references, each with a tag.
    """

    manifest: Manifest
    tags: tuple[Reference, ...] = ()


def familiar(reference: Reference) -> str:
    """A reference as docker shows it: the registry and namespace that it would fill in are left out.

    >>> familiar(Reference.parse("docker.io/library/app")), familiar(Reference.parse("reg.example/app:1"))
    ('app:latest', 'reg.example/app:1')
    """
    return f"{_familiar_name(reference)}:{reference.tag}"


def _familiar_name(reference: Reference) -> str:
    name = reference.name.removeprefix(f"{DEFAULT_REGISTRY}/")
    short = name.removeprefix(f"{DEFAULT_NAMESPACE}/")
    return name if "/" in short else short


def documents(images: Sequence[Saved]) -> dict[str, bytes]:
    """The documents of an archive with these images, by their names."""
    return {
        "manifest.json": dumps([_entry(image) for image in images]),
        "repositories": dumps(_repositories(images)),
    }


def _entry(image: Saved) -> dict[str, Json]:
    return {
        "Config": _name(image.manifest.config),
        "RepoTags": [familiar(tag) for tag in image.tags],
        "Layers": [_name(layer) for layer in image.manifest.layers],
    }


def _name(blob: Descriptor) -> str:
    return blob_name(blob.digest.encoded, blob.digest.algorithm)


def _repositories(images: Sequence[Saved]) -> dict[str, Json]:
    """For each repository its tags, each with the top layer."""
    found: dict[str, dict[str, Json]] = {}
    for image in images:
        for tag in image.tags if image.manifest.layers else ():
            tags = found.setdefault(_familiar_name(tag), {})
            tags[tag.tag or DEFAULT_TAG] = image.manifest.layers[-1].digest.encoded
    return dict(found)
