"""What ``docker save`` says of the images in its archive: ``manifest.json``. Pure.

Each image names its config and its layers, base first, by the names of files in the archive. In the old form
the layers lie in directories of their own (``<id>/layer.tar``, some of them links to each other); podman,
skopeo and others name them as they like. In the new form they lie where an OCI layout has them.
"""

import posixpath
import re
from typing import Any

from attrs import field, frozen

from lazyimg.errors import ArchiveError, InvalidDocument
from lazyimg.oci import fields
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.document import loads

MANIFEST = "manifest.json"

_HEX = re.compile(r"[0-9a-f]{64}").fullmatch


@frozen
class SavedImage:
    """An image in an archive of ``docker save``.

    Attributes:
        config: the file with its config.
        layers: the files with its layers, base first.
        tags: what it is called; none, if it was saved by its id.
        foreign: by diff_id the layers that may be missing from the archive, because they are
            non-distributable.
    """

    config: str
    layers: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    foreign: dict[str, Descriptor] = field(factory=dict)

    @property
    def digest(self) -> Digest | None:
        """The digest that the config's name promises; None if it promises none.

        >>> SavedImage("config.json").digest, SavedImage(64 * "0" + ".json").digest.short
        (None, '000000000000')
        """
        name = posixpath.basename(self.config).removesuffix(".json").removeprefix("sha256:")
        return Digest(f"sha256:{name}") if _HEX(name) else None


def saved_images(data: bytes, what: str) -> tuple[SavedImage, ...]:
    """The images that ``manifest.json`` names, in its order.

    Raises:
        ArchiveError: it says something else.
    """
    try:
        found = fields.items(loads(data, what=MANIFEST), MANIFEST)
        return tuple(_image(fields.members(item, MANIFEST)) for item in found)
    except InvalidDocument as error:
        raise ArchiveError(f"{what} is no archive of docker save: {error}") from error


def _image(item: Any) -> SavedImage:
    foreign = fields.members(item.get("LayerSources"), "LayerSources")
    return SavedImage(
        config=fields.text(item.get("Config"), "Config"),
        layers=tuple(fields.texts(item.get("Layers"), "Layers")),
        tags=tuple(fields.texts(item.get("RepoTags"), "RepoTags")),
        foreign={diff_id: Descriptor.from_json(one, "LayerSources") for diff_id, one in foreign.items()},
    )
