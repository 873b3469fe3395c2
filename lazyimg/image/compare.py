"""Comparing two images: manifest and config key by key, layers in their order, files if asked for."""

from collections.abc import Callable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from attrs import frozen

from lazyimg.engine import Engine
from lazyimg.image.looking import Looking
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.manifest import Manifest
from lazyimg.write.asking import Sealing, ask

if TYPE_CHECKING:
    from lazyimg.notebook.table import Table


@frozen
class Difference:
    """One thing in which two images differ.

    Attributes:
        where: the thing: ``config.config.User``, ``layer 2``, ``/etc/passwd``.
        one: what the first image has; None where it has nothing.
        other: what the other has.
    """

    where: str
    one: Any
    other: Any


@frozen(repr=False)
class Comparison:
    """How two images differ.

    Attributes:
        one: the digest of the first image.
        other: the digest of the other.
        differences: none, if the digests are equal.
    """

    one: Digest
    other: Digest
    differences: tuple[Difference, ...]

    @property
    def is_same(self) -> bool:
        """Whether they are one image, byte for byte."""
        return self.one == self.other

    def __repr__(self) -> str:
        return self._table().to_text()

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _table(self) -> "Table":
        from lazyimg.notebook.table import Table  # noqa: PLC0415 - drawn on demand

        rows = tuple((found.where, _shown(found.one), _shown(found.other)) for found in self.differences)
        end = "they are the same, byte for byte" if self.is_same else f"{len(rows)} differences"
        return Table("compare", ("", self.one.short, self.other.short), rows, (end,))


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return repr(value)


@frozen
class Seen:
    """What is compared of an image."""

    image: Looking
    manifest: Manifest
    config: ConfigFile | None
    digest: Digest
    engine: Engine | None

    @property
    def layers(self) -> "tuple[SeenLayer, ...]":
        """Its layers, base first, with the diff_ids that its config has for them, if the two agree."""
        blobs = self.manifest.layers
        diff_ids = () if self.config is None else self.config.diff_ids
        known = diff_ids if len(diff_ids) == len(blobs) else (None,) * len(blobs)
        return tuple(map(SeenLayer, blobs, known))


@frozen
class SeenLayer:
    """What is compared of a layer."""

    blob: Descriptor
    diff_id: Digest | None

    @property
    def name(self) -> str:
        """What is the same in two images: the tar in it, or else the blob."""
        return self.diff_id or self.blob.digest

    @property
    def brief(self) -> str:
        """The blob in a few words."""
        return f"{self.blob.digest.short}, {self.blob.size} bytes"

    @property
    def said(self) -> dict[str, Any]:
        """What its descriptor says besides."""
        value = self.blob.to_json()
        return {key: item for key, item in value.items() if key not in ("digest", "size", "data")}


Look = Callable[[Seen, Seen], Iterator[Difference]]
"""One way to compare two images."""


def compare(one: Looking, other: Looking, engine: Engine | None, *, files: bool) -> Comparison:
    """How two images differ; see `lazyimg.Image.compare`."""
    from lazyimg.image.compare_files import compare_files  # noqa: PLC0415 - loaded if files are compared

    first, second = _seen(one, engine), _seen(other, engine)
    looks: tuple[Look, ...] = (of_manifest, of_config, of_layers, *((compare_files,) if files else ()))
    found = () if first.digest == second.digest else tuple(d for look in looks for d in look(first, second))
    if not found and first.digest != second.digest:
        found = (Difference("JSON", "the same values", "written otherwise"),)
    return Comparison(first.digest, second.digest, found)


def _seen(image: Looking, engine: Engine | None) -> Seen:
    sealed, config = ask(image, Sealing(image), engine, None)
    return Seen(image, Manifest.parse(sealed.data), config, sealed.descriptor.digest, engine)


def of_manifest(one: Seen, other: Seen) -> Iterator[Difference]:
    """Fields of the manifest, but for layers, and for what follows from the config's bytes."""
    yield from _of_values("manifest", _fields(one.manifest), _fields(other.manifest))


def _fields(manifest: Manifest) -> dict[str, Any]:
    value = manifest.value
    del value["layers"]
    for follows in ("digest", "size", "data"):
        value["config"].pop(follows, None)
    return value


def of_config(one: Seen, other: Seen) -> Iterator[Difference]:
    """Fields of the config, but for the layers' diff_ids; of an artifact's, its digest."""
    if one.config is not None and other.config is not None:
        yield from _of_values("config", _settings(one.config), _settings(other.config))
    elif one.manifest.config.digest != other.manifest.config.digest:
        yield Difference("config", one.manifest.config.digest, other.manifest.config.digest)


def _settings(config: ConfigFile) -> dict[str, Any]:
    """A config's value, the environment by name."""
    value = config.value
    if isinstance(value.get("rootfs"), dict):
        value["rootfs"].pop("diff_ids", None)
    if isinstance(value.get("config"), dict) and "Env" in value["config"]:
        value["config"]["Env"] = config.environment
    return value


def _of_values(where: str, one: Any, other: Any) -> Iterator[Difference]:
    """Objects member by member and lists of one length item by item; else the values as they are.

    An object that is absent has no members.
    """
    left: Any = {} if one is None and isinstance(other, Mapping) else one
    right: Any = {} if other is None and isinstance(one, Mapping) else other
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in dict.fromkeys((*left, *right)):
            yield from _of_values(_named(where, key), left.get(key), right.get(key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for at, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from _of_values(f"{where}[{at}]", first, second)
    elif one != other:
        yield Difference(where, one, other)


def _named(where: str, key: str) -> str:
    return f"{where}.{key}" if key.isidentifier() else f"{where}[{key!r}]"


def of_layers(one: Seen, other: Seen) -> Iterator[Difference]:
    """Layers that only one has, or that differ at their place; aligned by those that are the same."""
    names = [[layer.name for layer in seen.layers] for seen in (one, other)]
    for _, start, end, begin, stop in SequenceMatcher(None, names[0], names[1], autojunk=False).get_opcodes():
        rows = zip_longest(one.layers[start:end], other.layers[begin:stop])
        for at, (first, second) in enumerate(rows):
            yield from _of_layer(f"layer {start + at if first else begin + at}", first, second)


def _of_layer(where: str, one: SeenLayer | None, other: SeenLayer | None) -> Iterator[Difference]:
    if one is None or other is None:
        yield Difference(where, one and one.brief, other and other.brief)
        return
    if one.blob.digest != other.blob.digest:
        note = ", the same tar" if one.name == other.name else ""
        yield Difference(where, one.brief + note, other.brief + note)
    yield from _of_values(where, one.said, other.said)
