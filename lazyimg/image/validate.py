"""Validating an image: every digest, size and diff_id, and its history against its layers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from attrs import evolve, frozen

from lazyimg.content.identity import Identity
from lazyimg.engine import Engine, current_engine, refuse_inside
from lazyimg.errors import LazyImgError
from lazyimg.image.blob_check import CheckBlob, Checked
from lazyimg.image.known import without_names
from lazyimg.image.report import Finding, Report
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.history import History
from lazyimg.oci.platform import Platform
from lazyimg.state.contents import Stored
from lazyimg.state.image_state import ImageState, StateLayer, StoredBlob
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.asking import Identify
from lazyimg.write.expand import ConfigOf
from lazyimg.write.streams import one_shots

V = TypeVar("V")

NOT_READ = "no manifest declares it, and it was not read"
STREAM = "it is a one-shot stream, which only a write reads"


@frozen
class All(Thunk[Sequence[Any]]):
    """The values of several thunks."""

    parts_of_it: tuple[Thunk[Any], ...]

    def evaluate(self, run: Run) -> Sequence[Any]:
        """Gather them."""
        return [run.value(part) for part in self.parts_of_it]


def validate(image: Thunk[ImageState], *, fast: bool, engine: Engine | None) -> Report:
    """What is right and wrong about an image; see `lazyimg.Image.validate`."""
    refuse_inside(image)
    how = Validation(engine or current_engine(), fast=fast)
    return Report(repr(image), findings_of(image, how), fast=fast)


class Validation:
    """One validation, which reads each blob once, however many images have it.

    Args:
        engine: forces.
        fast: whether documents alone are read, and blobs looked for.
    """

    def __init__(self, engine: Engine, *, fast: bool) -> None:
        self.engine = engine
        self.fast = fast
        self._checked: dict[str, Checked] = {}

    def tried(self, thunk: Thunk[V]) -> V | LazyImgError:
        """A value, or what kept it from being known."""
        try:
            return self.engine.force(thunk)
        except LazyImgError as error:
            return error

    def blobs(self, checks: Iterable[CheckBlob]) -> Mapping[str, Checked]:
        """What was found of blobs, by the keys of their checks; several are checked at once."""
        new = {check.key: check for check in checks if check.key not in self._checked}
        found = self.engine.force(All(tuple(new.values())))
        self._checked.update(zip(new, found, strict=True))
        return self._checked


def findings_of(
    image: Thunk[ImageState], how: Validation, platform: Platform | None = None
) -> Iterator[Finding]:
    """What is found of an image, part by part.

    Args:
        image: the image.
        how: what reads.
        platform: what an index says that it runs on.
    """
    state = how.tried(image)
    if isinstance(state, LazyImgError):
        yield Finding("manifest", "wrong", str(state))
        return
    yield Finding("manifest", "right", f"{len(state.layers)} layers, {state.manifest.media_type}")
    if not state.is_image:
        yield from _artifact(state, how)
        return
    read = _read(state, how)
    yield from _of_config(read, state, how)
    if platform is not None and isinstance(read.config, ConfigFile):
        yield from _of_platform(read.config, platform)
    yield from _of_layers(state, read, how)


def _artifact(state: ImageState, how: Validation) -> Iterator[Finding]:
    """Digests and sizes: nothing else is known of an artifact."""
    named = [("config", state.config_blob)]
    named += [(f"layer {at}", _stored(layer)) for at, layer in enumerate(state.layers)]
    checks = {name: CheckBlob(blob, how.fast, in_image=False) for name, blob in named if blob is not None}
    found = how.blobs(checks.values())
    for name, blob in named:
        if blob is None:
            yield Finding(name, "unchecked", NOT_READ)
        else:
            yield _judged(name, found[checks[name].key], blob.descriptor)


@frozen
class Read:
    """What was read of an image.

    Attributes:
        config: it, or what kept it from being known.
        is_sealed: whether the diff_ids in it are those of the layers.
        local: what layers of this machine come to, by their keys.
    """

    config: ConfigFile | LazyImgError
    is_sealed: bool
    local: Mapping[str, Identity]

    def diff_id(self, at: int, count: int) -> Digest | None:
        """What the config says of one of ``count`` layers, if that can be told and compared."""
        if not self.is_sealed or isinstance(self.config, LazyImgError):
            return None
        try:
            diff_ids = self.config.diff_ids
        except LazyImgError:
            return None
        return diff_ids[at] if len(diff_ids) == count and diff_ids[at].algorithm == "sha256" else None


def _read(state: ImageState, how: Validation) -> Read:
    """Read the config, and local layers, each once."""
    local = [layer.layer for layer in state.layers if layer.descriptor is None]
    if how.fast or one_shots(local):
        return Read(how.tried(state.config), state.config_blob is not None, {})
    found = how.tried(All((ConfigOf(without_names(state)), *map(Identify, local))))
    if isinstance(found, LazyImgError):
        return Read(found, is_sealed=False, local={})
    config, *identities = found
    known = {layer.key: one for layer, one in zip(local, identities, strict=True)}
    return Read(config, is_sealed=True, local=known)


def _of_config(read: Read, state: ImageState, how: Validation) -> Iterator[Finding]:
    config = read.config
    if isinstance(config, LazyImgError):
        yield Finding("config", "wrong", str(config))
        return
    try:
        diff_ids, history, platform = len(config.diff_ids), config.history, config.platform
    except LazyImgError as error:
        yield Finding("config", "wrong", str(error))
        return
    count = len(state.layers)
    if read.is_sealed and diff_ids != count:
        yield Finding("config", "wrong", f"it has {diff_ids} diff_ids, and its manifest lists {count} layers")
    elif state.config_blob is None:
        yield Finding("config", "right", f"{platform}, edited")
    else:
        yield _embedded(state.config_blob, how)
    yield _of_history(history, count)


def _embedded(blob: Stored, how: Validation) -> Finding:
    """Of a config that was read; where a descriptor embeds it, it was not read where it rests."""
    if blob.descriptor.data is None:
        return _judged("config", Checked(), blob.descriptor)
    check = CheckBlob(blob, how.fast, in_image=False)
    return _judged("config", how.blobs([check])[check.key], blob.descriptor)


def _of_history(history: Sequence[History], count: int) -> Finding:
    told = sum(not entry.empty_layer for entry in history)
    if not history:
        return Finding("history", "right", "there is none")
    if told != count:
        return Finding("history", "wrong", f"it tells of {told} layers, and the manifest lists {count}")
    return Finding("history", "right", f"{len(history)} entries tell of {told} layers")


def _of_platform(config: ConfigFile, said: Platform) -> Iterator[Finding]:
    """Of an index's entry: that it names what its image runs on."""
    try:
        have = config.platform.normalized()
    except LazyImgError:
        return  # which was said of the config
    wanted = said.normalized()
    variant = have.variant if config.variant else wanted.variant
    if (have.os, have.architecture, variant) != (wanted.os, wanted.architecture, wanted.variant):
        yield Finding("platform", "wrong", f"the index says {said}, and the config {config.platform}")
    else:
        yield Finding("platform", "right", str(said))


def _of_layers(state: ImageState, read: Read, how: Validation) -> Iterator[Finding]:
    stored = {at: blob for at, layer in enumerate(state.layers) if (blob := _stored(layer)) is not None}
    checks = {at: CheckBlob(blob, how.fast) for at, blob in stored.items()}
    found = how.blobs(checks.values())
    for at, layer in enumerate(state.layers):
        name = f"layer {at}"
        if at not in stored:
            yield _local(name, layer, read.local)
            continue
        checked = found[checks[at].key]
        declared = read.diff_id(at, len(state.layers))
        if checked.wrong is None and None not in (checked.diff_id, declared) and checked.diff_id != declared:
            said = f"its tar has the digest {checked.diff_id}, and its diff_id in the config is {declared}"
            yield Finding(name, "wrong", said)
        else:
            yield _judged(name, checked, stored[at].descriptor)


def _stored(layer: StateLayer) -> Stored | None:
    """The blob that a manifest declares, where it rests."""
    if layer.descriptor is None or not isinstance(layer.layer, StoredBlob):
        return None
    return evolve(layer.layer.blob, descriptor=layer.descriptor)


def _local(name: str, layer: StateLayer, known: Mapping[str, Identity]) -> Finding:
    if one_shots([layer.layer]):
        return Finding(name, "unchecked", STREAM)
    found = known.get(layer.layer.key)
    if found is None:
        return Finding(name, "unchecked", NOT_READ)
    return Finding(name, "right", f"{found.size} bytes, {found.digest}")


def _judged(name: str, found: Checked, descriptor: Descriptor) -> Finding:
    if found.wrong is not None:
        return Finding(name, "wrong", found.wrong)
    if found.unchecked is not None:
        return Finding(name, "unchecked", found.unchecked)
    if descriptor.data is not None:
        try:
            descriptor.verify(descriptor.data)
        except LazyImgError as error:
            return Finding(name, "wrong", f"its descriptor embeds other bytes: {error}")
    return Finding(name, "right", f"{descriptor.size} bytes, {descriptor.digest}")
