"""What a write did."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from lazyimg.content.counters import told_of
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.write.record import Record
from lazyimg.write.target import Target

if TYPE_CHECKING:
    from lazyimg.notebook.table import Table


@frozen
class TargetResult:
    """What a write did at one target.

    Targets of one site, a repository or a directory, share a session, and so its tallies.

    Attributes:
        target: as the user named it.
        site: where the blobs are.
        uploaded: blobs and manifests whose bytes were sent or written.
        mounted: blobs that the registry took from another of its repositories.
        existing: blobs that were in place.
        skipped: non-distributable layers, left where their URLs point.
        bytes_sent: bytes of bodies, those sent again after a fault included.
        attempts: bodies sent, those sent again after a fault included.
        tags: the tags that were moved.
    """

    target: str
    site: str
    uploaded: tuple[Descriptor, ...]
    mounted: tuple[Descriptor, ...]
    existing: tuple[Descriptor, ...]
    skipped: tuple[Descriptor, ...]
    bytes_sent: int
    attempts: int
    tags: tuple[str, ...]

    @classmethod
    def of(cls, target: Target, record: Record) -> "TargetResult":
        """Freeze a session's record."""
        return cls(
            str(target),
            str(target.site),
            record.of("uploaded"),
            record.of("mounted"),
            record.of("existing"),
            record.of("skipped"),
            sum(placed.bytes_sent for placed in record.placed),
            sum(placed.attempts for placed in record.placed),
            tuple(name for name in target.names if record.tags.get(name) == "moved"),
        )


@frozen
class Result:
    """What a write did with one image.

    Attributes:
        digest: of the manifest.
        descriptor: of the manifest.
        targets: one for each target, in the order they were named.
        bytes_read: bytes of local sources that the write read, in all.
        opened: local sources that it opened.
    """

    descriptor: Descriptor
    targets: tuple[TargetResult, ...]
    bytes_read: int
    opened: int

    @property
    def digest(self) -> Digest:
        """Of the manifest."""
        return self.descriptor.digest

    @property
    def reference(self) -> str:
        """The first target, pinned to the digest."""
        return f"{self.targets[0].target.partition('@')[0]}@{self.digest}"

    @property
    def uploaded(self) -> tuple[Descriptor, ...]:
        """What was sent, to all sites."""
        return _joined(site.uploaded for site in self._sites)

    @property
    def mounted(self) -> tuple[Descriptor, ...]:
        """What was mounted, at all sites."""
        return _joined(site.mounted for site in self._sites)

    @property
    def existing(self) -> tuple[Descriptor, ...]:
        """What was in place, at all sites."""
        return _joined(site.existing for site in self._sites)

    @property
    def bytes_sent(self) -> int:
        """Bytes of bodies sent to all sites."""
        return sum(site.bytes_sent for site in self._sites)

    @property
    def _sites(self) -> tuple[TargetResult, ...]:
        """The first target of each site: what is shared counts once."""
        first: dict[str, TargetResult] = {}
        for target in self.targets:
            first.setdefault(target.site, target)
        return tuple(first.values())

    def __str__(self) -> str:
        return self._table().to_text()

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _table(self) -> "Table":
        from lazyimg.notebook.table import Table  # noqa: PLC0415 - drawn on demand

        columns = ("target", "uploaded", "mounted", "in place", "bytes sent", "attempts")
        rows = [
            (t.target, len(t.uploaded), len(t.mounted), len(t.existing), t.bytes_sent, t.attempts)
            for t in self.targets
        ]
        read = told_of(self.opened, self.bytes_read)
        return Table(f"written: {self.digest}", columns, tuple(tuple(map(str, row)) for row in rows), (read,))


def _joined(parts: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(item for part in parts for item in part)
