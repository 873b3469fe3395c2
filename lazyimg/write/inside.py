"""Reading a source is part of the evaluation that asked for it, though another thread does it."""

from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from lazyimg.content.source import ReadInto, Source
from lazyimg.thunk.run import inside


@frozen
class Inside:
    """A source whose opening and reading count as evaluating.

    What a user's function or stream forces there would wait for itself, and is refused instead.

    >>> from lazyimg.content.source import Bytes
    >>> Inside(Bytes(b"hello")).describe()
    '5 bytes'
    """

    source: Source

    @property
    def one_shot(self) -> bool:
        """Whether the source can be opened only once."""
        return self.source.one_shot

    def describe(self) -> str:
        """Say what the source is."""
        return self.source.describe()

    @contextmanager
    def open(self) -> Iterator[ReadInto]:
        """Open the source, in the thread that reads it to its end."""
        with inside(), self.source.open() as reader:
            yield reader
