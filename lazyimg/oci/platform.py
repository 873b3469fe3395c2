"""Platforms: what an image runs on, written ``os/architecture[/variant][:osversion]``, and matching."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, Final

import attrs

from lazyimg.errors import InvalidPlatform
from lazyimg.oci import fields
from lazyimg.oci.frozen import frozen_texts
from lazyimg.oci.record import Record, in_json

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD: Final = r"[A-Za-z0-9_.-]+"
_PLATFORM: Final = re.compile(
    rf"({_WORD})(?:\(({_WORD})\))?/({_WORD})(?:/({_WORD}))?(?::({_WORD}))?"
).fullmatch

_OS: Final = {"macos": "darwin"}
_ARCHITECTURES: Final = {
    "i386": "386",
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armel": "arm",
}
_IMPLIED_VARIANT: Final[dict[str, str | None]] = {"i386": None, "armhf": "v7", "armel": "v6"}
_VARIANTS: Final[dict[tuple[str, str | None], str | None]] = {
    ("amd64", "v1"): None,
    ("arm64", "8"): None,
    ("arm64", "v8"): None,
    ("arm64", "v8.0"): None,
    ("arm64", "9"): "v9",
    ("arm64", "v9.0"): "v9",
    ("arm", None): "v7",
    ("arm", "5"): "v5",
    ("arm", "6"): "v6",
    ("arm", "7"): "v7",
    ("arm", "8"): "v8",
}
_LOWEST_ARM: Final = 5
_V9_IS_V8: Final = 5
_LAST_V8: Final = 9


@attrs.frozen(kw_only=True)
class Platform(Record):
    """An operating system on an architecture (image-spec image-index.md, "platform").

    Attributes:
        architecture: as Go names it: ``amd64``, ``arm64``.
        os: as Go names it: ``linux``, ``windows``.
        os_version: such as ``10.0.17763.1999``, for Windows.
        os_features: such as ``win32k``.
        variant: of the processor: ``v7`` of ``arm``, ``v3`` of ``amd64``.

    Example:
        >>> Platform.parse("linux/arm64/v8")
        Platform(architecture='arm64', os='linux', os_version=None, os_features=(), variant='v8')
        >>> str(Platform(os="windows", architecture="amd64", os_version="10.0.17763"))
        'windows/amd64:10.0.17763'
    """

    WHAT: ClassVar[str] = "platform"

    architecture: str = attrs.field(metadata=in_json("architecture", fields.text))
    os: str = attrs.field(metadata=in_json("os", fields.text))
    os_version: str | None = attrs.field(default=None, metadata=in_json("os.version", fields.text))
    os_features: tuple[str, ...] = attrs.field(
        default=(), converter=frozen_texts, metadata=in_json("os.features", fields.texts)
    )
    variant: str | None = attrs.field(default=None, metadata=in_json("variant", fields.text))

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read ``os/architecture[/variant][:osversion]``; names are kept as they are written.

        The version may also stand where containerd writes it: ``windows(10.0.17763)/amd64``.

        Raises:
            InvalidPlatform: the text has another form; nothing is filled in from this machine.
        """
        found = _PLATFORM(text)
        if found is None or (found[2] and found[5]):
            raise InvalidPlatform(
                f"{text[:100]!r} is no platform: write os/architecture[/variant][:osversion], "
                "such as linux/amd64 or linux/arm/v7"
            )
        os, inner_version, architecture, variant, version = found.groups()
        return cls(os=os, architecture=architecture, variant=variant, os_version=inner_version or version)

    def __str__(self) -> str:
        name = "/".join(filter(None, (self.os, self.architecture, self.variant)))
        return f"{name}:{self.os_version}" if self.os_version else name

    def normalized(self) -> Platform:
        """Return the platform under the names containerd gives it: ``aarch64/v8`` is ``arm64``."""
        os = self.os.lower()
        written = self.architecture.lower()
        architecture = _ARCHITECTURES.get(written, written)
        variant = _IMPLIED_VARIANT.get(written, (self.variant or "").lower() or None)
        variant = _VARIANTS.get((architecture, variant), variant)
        return self.replace(os=_OS.get(os, os), architecture=architecture, variant=variant)


def matches(have: Platform, wanted: Platform) -> bool:
    """Tell whether an image for ``have`` serves who asked for ``wanted``, as containerd matches.

    A processor runs what was built for the variants below its own: ``arm/v7`` takes ``v7``, ``v6``, ``v5``;
    ``arm64`` is ``arm64/v8``. What is not named in ``wanted`` (OS version, features) may be anything.
    Another architecture never matches, though an amd64 processor could run 386: that would be a silent pick.
    """
    return _rank(have.normalized(), wanted.normalized()) is not None


def best_match(haves: Iterable[Platform], wanted: Platform) -> int | None:
    """Return the index of the platform in ``haves`` that serves ``wanted`` best; None if none does.

    The nearest variant wins, then the one whose OS version and features are nearest, then the first.
    """
    goal = wanted.normalized()
    ranks = [(_rank(have.normalized(), goal), at) for at, have in enumerate(haves)]
    found = [(rank, at) for rank, at in ranks if rank is not None]
    return min(found)[1] if found else None


def _rank(have: Platform, wanted: Platform) -> tuple[int, bool, int] | None:
    """Return how far ``have`` is from ``wanted``, both normalized; None if it does not serve."""
    if (have.os, have.architecture) != (wanted.os, wanted.architecture):
        return None
    variants = _accepted_variants(wanted)
    if have.variant not in variants or not _serves_os(have, wanted):
        return None
    surplus = len(set(have.os_features) - set(wanted.os_features))
    return variants.index(have.variant), have.os_version != wanted.os_version, surplus


def _serves_os(have: Platform, wanted: Platform) -> bool:
    version = wanted.os_version
    if version and have.os_version != version and not (have.os_version or "").startswith(version + "."):
        return False
    return set(wanted.os_features) <= set(have.os_features)


def _accepted_variants(wanted: Platform) -> tuple[str | None, ...]:
    """Return the normalized variants that serve ``wanted``, its own first, then the nearest."""
    found = re.fullmatch(
        r"v([0-9]{1,2})(?:\.([0-9]))?", wanted.variant or _plain_variant(wanted.architecture)
    )
    if found is None:
        return (wanted.variant,)
    major, minor = int(found[1]), int(found[2] or 0)
    names = _below(wanted.architecture, major, minor)
    accepted = (_VARIANTS.get((wanted.architecture, name), name) for name in names)
    return tuple(dict.fromkeys((wanted.variant, *accepted)))


def _plain_variant(architecture: str) -> str:
    return {"amd64": "v1", "arm64": "v8"}.get(architecture, "")


def _below(architecture: str, major: int, minor: int) -> list[str]:
    if architecture == "amd64":
        return [f"v{at}" for at in range(major, 0, -1)]
    if architecture == "arm":
        return [f"v{at}" for at in range(major, _LOWEST_ARM - 1, -1)]
    if architecture == "arm64":
        return _below_arm64(major, minor)
    return []


def _below_arm64(major: int, minor: int) -> list[str]:
    """Return ``v9.1, v9.0, v8.6 ... v8.0`` for v9.1: Armv9.x contains Armv8.(x+5)."""
    if major == _LAST_V8:
        nines = [f"v9.{at}" for at in range(minor, -1, -1)]
        return nines + _below_arm64(8, min(minor + _V9_IS_V8, _LAST_V8))
    return [f"v{major}.{at}" for at in range(minor, -1, -1)]
