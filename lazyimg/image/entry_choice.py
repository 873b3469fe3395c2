"""Which entries of an index are meant: by platform, by digest, by tag; and what entries run on."""

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.digest import Digest
from lazyimg.oci.platform import Platform
from lazyimg.state.image_state import ImageState
from lazyimg.state.index_state import Entry, IndexState
from lazyimg.stores.naming import REF_NAME
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk

Platforms = tuple[Platform | None, ...]
"""What each entry of an index runs on, in their order; None where it does not say."""


@frozen
class PlatformsOf(Thunk[Platforms]):
    """What the entries of an index run on; configs are read of those that were added and do not say."""

    index: Thunk[IndexState]

    def evaluate(self, run: Run) -> Platforms | Thunk[Platforms]:
        """Go on with the images whose configs say it, if there are any."""
        entries = run.value(self.index).entries
        silent = tuple(entry.child for entry in entries if entry.needs_platform)
        return _Children(entries, silent) if silent else tuple(entry.said_platform for entry in entries)


@frozen
class _Children(Thunk[Platforms]):
    """Go on with the configs of the images that were added."""

    entries: tuple[Entry, ...]
    children: tuple[Thunk[Any], ...]

    def evaluate(self, run: Run) -> Thunk[Platforms]:
        states = {child.key: run.value(child) for child in self.children}
        configs = tuple(
            states[entry.child.key].config
            if entry.needs_platform and _is_image(states[entry.child.key])
            else None
            for entry in self.entries
        )
        return _Configs(self.entries, configs)


def _is_image(state: Any) -> bool:
    return isinstance(state, ImageState) and state.is_image


@frozen
class _Configs(Thunk[Platforms]):
    """Take the platforms out of the configs."""

    entries: tuple[Entry, ...]
    configs: tuple[Thunk[ConfigFile] | None, ...]

    def evaluate(self, run: Run) -> Platforms:
        rows = zip(self.entries, self.configs, strict=True)
        return tuple(
            entry.said_platform if config is None else run.value(config).platform for entry, config in rows
        )


def _digest(digest: str | None) -> Digest | None:
    return None if digest is None else Digest(digest)


@frozen
class Meant:
    """Which entries a user means: those of which all that is given is true.

    Attributes:
        platform: what they run on: this very variant; any OS version or features, unless they are named.
        digest: of their manifests.
        tag: their annotation ``org.opencontainers.image.ref.name``.
    """

    platform: Platform | None = None
    digest: Digest | None = field(default=None, converter=_digest)
    tag: str | None = None

    def positions(self, entries: Sequence[Entry], platforms: Platforms) -> frozenset[int]:
        """The positions of the entries that are meant.

        Raises:
            InvalidMutation: there is none; the message says what there is.
        """
        found = frozenset(at for at, entry in enumerate(entries) if self._is_meant(entry, platforms[at]))
        if not found:
            raise InvalidMutation(f"the index has no entry of {self}; it has {_listed(entries, platforms)}")
        return found

    def _is_meant(self, entry: Entry, platform: Platform | None) -> bool:
        return (
            (self.platform is None or (platform is not None and is_same(platform, self.platform)))
            and self.digest in (None, entry.digest)
            and (self.tag is None or entry.said_annotations.get(REF_NAME) == self.tag)
        )

    def __str__(self) -> str:
        said = {"platform": self.platform, "digest": self.digest, "tag": self.tag}
        return ", ".join(f"{name} {value}" for name, value in said.items() if value is not None)


def meant(platform: str | Platform | None, digest: str | None, tag: str | None) -> Meant:
    """What a user named entries by.

    Raises:
        InvalidMutation: nothing is named.
        InvalidPlatform: the text is no platform.
        InvalidDigest: the text is no digest.
    """
    if platform is None and digest is None and tag is None:
        raise InvalidMutation("no entry was named: say platform=, digest= or tag=")
    return Meant(Platform.parse(platform) if isinstance(platform, str) else platform, digest, tag)


def is_same(have: Platform, wanted: Platform) -> bool:
    """Whether an entry is for this very platform, not only for one that serves it.

    >>> arm = Platform.parse("linux/arm64")
    >>> is_same(Platform.parse("linux/arm64/v8"), arm), is_same(Platform.parse("linux/arm64/v9"), arm)
    (True, False)
    """
    one, other = have.normalized(), wanted.normalized()
    return (
        (one.os, one.architecture, one.variant) == (other.os, other.architecture, other.variant)
        and other.os_version in (None, one.os_version)
        and set(other.os_features) <= set(one.os_features)
    )


_LISTED = 20


def _listed(entries: Sequence[Entry], platforms: Platforms) -> str:
    if not entries:
        return "none at all"
    said = [_shown(entry, platform) for entry, platform in zip(entries, platforms, strict=True)]
    more = f"; and {len(said) - _LISTED} more" if len(said) > _LISTED else ""
    return "; ".join(said[:_LISTED]) + more


def _shown(entry: Entry, platform: Platform | None) -> str:
    name = entry.digest or "made here"
    tag = entry.said_annotations.get(REF_NAME)
    return f"{platform or 'no platform'} ({name}{f', {tag}' if tag else ''})"
