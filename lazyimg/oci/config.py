"""Config files: what an image is, how it is run, and the uncompressed digests of its layers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import attrs

from lazyimg.errors import InvalidDocument
from lazyimg.oci import fields
from lazyimg.oci.container import Container
from lazyimg.oci.digest import Digest
from lazyimg.oci.document import placed
from lazyimg.oci.history import History
from lazyimg.oci.platform import Platform
from lazyimg.oci.timestamp import format_time, in_utc, read_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from lazyimg.oci.json_value import Json

__all__ = ["MAX_CONFIG", "ConfigFile", "History", "format_time"]

MAX_CONFIG: Final = 8 * 1024 * 1024
"""The largest config in bytes that is read."""


@attrs.frozen(eq=False, repr=False)
class ConfigFile(Container):
    """The config of a container image (image-spec config.md).

    What is read from it is checked when it is asked for, so a config with a broken field can be mended. Each
    ``with_`` method sets a field, and removes it for None; to keep it, do not call the method.

    Example:
        >>> ConfigFile.new(architecture="arm64").with_user("1000").to_bytes()
        b'{"architecture":"arm64","os":"linux","config":{"User":"1000"},"rootfs":{"type":"layers","diff_ids":[]}}'
    """

    LIMIT: ClassVar[int] = MAX_CONFIG
    ORDER: ClassVar[tuple[str, ...]] = (
        "created",
        "author",
        "architecture",
        "os",
        "os.version",
        "os.features",
        "variant",
        "config",
        "rootfs",
        "history",
    )

    @classmethod
    def new(cls, *, architecture: str, os: str = "linux", variant: str | None = None) -> Self:
        """Make the config of an image without layers: no time, no author, no history."""
        rootfs: dict[str, Json] = {"type": "layers", "diff_ids": []}
        made = cls({"architecture": architecture, "os": os, "config": {}, "rootfs": rootfs})
        return made.with_variant(variant)

    @property
    def architecture(self) -> str:
        """As Go names it: ``amd64``; empty if it is not said."""
        return self._text("architecture") or ""

    @property
    def os(self) -> str:
        """As Go names it: ``linux``; empty if it is not said."""
        return self._text("os") or ""

    @property
    def variant(self) -> str | None:
        """Of the processor: ``v8``."""
        return self._text("variant")

    @property
    def os_version(self) -> str | None:
        """Of the operating system, for Windows."""
        return self._text("os.version")

    @property
    def os_features(self) -> tuple[str, ...]:
        """What the image needs of the operating system."""
        return fields.texts(self._members.get("os.features"), "config.os.features")

    @property
    def platform(self) -> Platform:
        """What the image runs on, from the five fields above."""
        return Platform(
            os=self.os,
            architecture=self.architecture,
            variant=self.variant,
            os_version=self.os_version,
            os_features=self.os_features,
        )

    @property
    def created(self) -> datetime | None:
        """When the image was made, in UTC, to the microsecond."""
        value = self._members.get("created")
        return None if value is None else read_time(value, "config.created")

    @property
    def author(self) -> str | None:
        """Who made the image."""
        return self._text("author")

    @cached_property
    def history(self) -> tuple[History, ...]:
        """How it came to be, the oldest entry first."""
        found = fields.items(self._members.get("history"), "config.history")
        return tuple(History.from_json(item, f"config.history[{at}]") for at, item in enumerate(found))

    @cached_property
    def diff_ids(self) -> tuple[Digest, ...]:
        """The digests of the uncompressed layers, base first."""
        rootfs = self._rootfs()
        kind = rootfs.get("type", "layers")
        if kind != "layers":
            raise InvalidDocument(f"config.rootfs.type must be 'layers', not {str(kind)[:80]!r}")
        return fields.digests(rootfs.get("diff_ids"), "config.rootfs.diff_ids")

    def with_architecture(self, architecture: str) -> Self:
        """Return the config for another architecture."""
        return self._with_top_text("architecture", architecture)

    def with_os(self, os: str) -> Self:
        """Return the config for another operating system."""
        return self._with_top_text("os", os)

    def with_variant(self, variant: str | None) -> Self:
        """Return the config for another variant of its architecture."""
        return self._with_top_text("variant", variant)

    def with_os_version(self, version: str | None) -> Self:
        """Return the config for another version of its operating system."""
        return self._with_top_text("os.version", version)

    def with_os_features(self, features: Iterable[str] | None) -> Self:
        """Return the config that needs these features of its operating system."""
        wanted = None if features is None else tuple(features)
        if wanted is not None and wanted == self.os_features:
            return self
        return self._with_top("os.features", wanted)

    def with_platform(self, platform: Platform) -> Self:
        """Return the config for another platform, all five fields of it."""
        return (
            self.with_architecture(platform.architecture)
            .with_os(platform.os)
            .with_variant(platform.variant)
            .with_os_version(platform.os_version)
            .with_os_features(platform.os_features or None)
        )

    def with_created(self, created: datetime | None) -> Self:
        """Return the config made at this moment; an equal one keeps its text, nanoseconds included.

        Raises:
            InvalidDocument: the moment has no time zone.
        """
        if created is None:
            return self._with_top("created", None)
        if in_utc(created) == self._created_if_valid():
            return self
        return self._with_top("created", format_time(created))

    def with_author(self, author: str | None) -> Self:
        """Return the config by this author."""
        return self._with_top_text("author", author)

    def with_history(self, history: Iterable[History]) -> Self:
        """Return the config with exactly this history, the oldest entry first."""
        wanted = tuple(history)
        return self if wanted == self.history else self._put("history", _history_json(wanted))

    @property
    def has_history(self) -> bool:
        """Whether there is an entry of history; a glance, unlike `history`, which reads each."""
        return bool(self._members.get("history"))

    @property
    def layers_told(self) -> int:
        """How many entries of history made a layer; a glance, as `has_history`."""
        return len(_made_layers(fields.items(self._members.get("history"), "config.history")))

    def with_history_appended(self, *entries: History) -> Self:
        """Return the config with these entries after its history; those before are not read."""
        old = fields.items(self._members.get("history"), "config.history")
        return self._put("history", [*old, *_history_json(entries)]) if entries else self

    def without_history_of(self, layers: Iterable[int]) -> Self:
        """Return the config without the entries of history of these layers; no entry is read, or changed.

        Args:
            layers: positions, base first; entries of empty layers are not counted, and stay.
        """
        old = fields.items(self._members.get("history"), "config.history")
        made = _made_layers(old)
        gone = {made[layer] for layer in layers}
        return (
            self._put("history", [entry for at, entry in enumerate(old) if at not in gone]) if gone else self
        )

    def with_diff_ids(self, diff_ids: Iterable[str]) -> Self:
        """Return the config of exactly these layers, by their uncompressed digests, base first.

        Raises:
            InvalidDigest: one is no digest.
        """
        wanted = tuple(Digest(diff_id) for diff_id in diff_ids)
        return self if wanted == self.diff_ids else self._put_diff_ids([str(diff_id) for diff_id in wanted])

    def with_diff_ids_appended(self, *diff_ids: str) -> Self:
        """Return the config with these layers on top; those below are not read."""
        old = fields.items(self._rootfs().get("diff_ids"), "config.rootfs.diff_ids")
        new = [str(Digest(diff_id)) for diff_id in diff_ids]
        return self._put_diff_ids([*old, *new]) if new else self

    def _rootfs(self) -> Mapping[str, Json]:
        return fields.members(self._members.get("rootfs"), "config.rootfs")

    def _put_diff_ids(self, diff_ids: list[Any]) -> Self:
        order = ("type", "diff_ids")
        rootfs = placed({"type": "layers", **self._rootfs()}, "diff_ids", diff_ids, order)
        return self._put("rootfs", rootfs)

    def _text(self, key: str) -> str | None:
        value = self._members.get(key)
        return None if value is None else fields.text(value, f"config.{key}")

    def _created_if_valid(self) -> datetime | None:
        try:
            return self.created
        except InvalidDocument:
            return None

    def _with_top_text(self, key: str, value: str | None) -> Self:
        return self._with_top(key, None if value is None else fields.text(value, key))

    def _with_top(self, key: str, value: Any) -> Self:
        """Set a top-level member or remove it; one that is null already counts as absent."""
        if value is None:
            return self if self._members.get(key) is None else self.remove(key)
        return self.set(key, value)


def _made_layers(entries: list[Json]) -> list[int]:
    """The positions of the entries of history that made a layer, without reading more of them."""
    return [
        at
        for at, entry in enumerate(entries)
        if not (isinstance(entry, dict) and entry.get("empty_layer") is True)
    ]


def _history_json(history: Iterable[History]) -> list[Any]:
    return [entry.to_json() for entry in history]
