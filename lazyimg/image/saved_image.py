"""The image that an archive of ``docker save`` holds, as a state."""

from lazyimg.errors import ArchiveError, ContentMismatch, InvalidDocument
from lazyimg.image.naming import Offer, meant, not_found
from lazyimg.image.saved_layer import SavedLayer
from lazyimg.oci.annotated import MAX_MANIFEST
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.media_type import DOCKER_CONFIG, DOCKER_MANIFEST
from lazyimg.state.archive_home import ArchiveHome
from lazyimg.state.config import CONFIG_LIMIT, DeclaredDiffId, KnownConfig
from lazyimg.state.contents import Stored
from lazyimg.state.image_state import ImageState, StateLayer, StoredBlob
from lazyimg.stores.archive import Archive, OpensArchive
from lazyimg.stores.saved import MANIFEST, SavedImage, saved_images
from lazyimg.thunk.origin import Origin
from lazyimg.thunk.thunk import traced


def saved_state(archive: Archive, source: OpensArchive, tag: str | None, origin: Origin | None) -> ImageState:
    """The state of the image called ``tag``, of Docker's media types: nothing but its config is read.

    Raises:
        ArchiveError: the archive is of no kind that is known, or not whole.
        ContentMismatch: the config is not what its name says.
        ImageNotFound: no image is called so, or there are several and none was named.
        InvalidDocument: config and archive disagree about how many layers there are.
    """
    image = _named(archive, tag)
    data = _config(archive, image)
    diff_ids = ConfigFile.parse(data).diff_ids
    if len(diff_ids) != len(image.layers):
        raise InvalidDocument(
            f"{archive.what} has {len(image.layers)} layers for {image.config}, which lists {len(diff_ids)}: "
            "which diff_id belongs to which layer is not known"
        )
    config = traced(KnownConfig(data), origin)

    def placed(position: int, name: str) -> StateLayer:
        diff_id = traced(DeclaredDiffId(config, position, len(diff_ids)), origin)
        foreign = image.foreign.get(diff_ids[position])
        if foreign is not None and archive.find(name) is None:
            blob = Stored(ArchiveHome(source), foreign)
            return StateLayer(traced(StoredBlob(blob), origin), foreign, diff_id)
        layer = SavedLayer(source, archive.member(name).name, diff_ids[position])
        return StateLayer(traced(layer, origin), diff_id=diff_id)

    layers = tuple(placed(position, name) for position, name in enumerate(image.layers))
    descriptor = Descriptor(media_type=DOCKER_CONFIG, digest=Digest.of(data), size=len(data))
    manifest = Manifest.new(media_type=DOCKER_MANIFEST, config=descriptor, layers=())
    return ImageState(manifest, config, None, layers)


def saved_digest(archive: Archive, tag: str | None) -> Digest:
    """The digest of the config of the image called ``tag``; raises as `saved_state` does."""
    return _digest(archive, _named(archive, tag))


def _named(archive: Archive, tag: str | None) -> SavedImage:
    listed = archive.find(MANIFEST)
    if listed is None:
        raise ArchiveError(
            f"{archive.what} has neither index.json nor manifest.json in it, so it is no archive of images: "
            "for the tar of a filesystem use Layer.from_tar"
        )
    images = saved_images(archive.read(listed, MAX_MANIFEST), archive.what)
    offers = [Offer(_digest(archive, image), image.tags) for image in images]
    found = {images[at].config: images[at] for at in meant(offers, tag)}
    if len(found) != 1:
        raise not_found(offers, tag, archive.what, "tag")
    return next(iter(found.values()))


def _digest(archive: Archive, image: SavedImage) -> Digest:
    """The digest of an image's config: as its name says it, else of its bytes."""
    return image.digest or Digest.of(_config(archive, image))


def _config(archive: Archive, image: SavedImage) -> bytes:
    data = archive.read(archive.member(image.config), CONFIG_LIMIT)
    if image.digest not in {None, Digest.of(data)}:
        raise ContentMismatch(
            f"{image.config} in {archive.what} has the digest {Digest.of(data)}: it is damaged"
        )
    return data
