"""Layers that are compressed already, in files of this machine."""

from pathlib import Path

from attrs import field, frozen

from lazyimg.content.local import LocalFile, absolute, shown


@frozen
class BlobFile:
    """A blob in a file of this machine: gzip, zstd or a plain tar, told by its content.

    >>> BlobFile("/srv/layer.tar.gz").describe()
    '/srv/layer.tar.gz'
    """

    path: Path = field(converter=absolute)
    one_shot = False

    def describe(self) -> str:
        """Return the path."""
        return shown(self.path)

    def open(self) -> LocalFile:
        """Open the file.

        Raises:
            SourceError: it cannot be opened.
        """
        return LocalFile(self.path)
