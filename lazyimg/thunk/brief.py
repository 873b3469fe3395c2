"""Any value in one line of bounded length, whatever it holds and however deep."""

import reprlib
from collections.abc import Iterable, Mapping
from itertools import islice
from types import FunctionType
from typing import Any

import attrs

LINE = 200
"""Characters of a line at most."""


def is_generated(function: object) -> bool:
    """Whether attrs wrote it."""
    return isinstance(function, FunctionType) and function.__code__.co_filename.startswith("<attrs generated")


def has_text(cls: type) -> bool:
    """Whether its values have a text of their own, as ``str`` gives it."""
    text: Any = cls.__str__
    return text is not object.__str__ and not is_generated(text)


def sized(data: "bytes | bytearray | memoryview | None") -> str:
    """How many bytes they are, and nothing of what they say: they may be somebody's key.

    >>> sized(b"s3cret"), sized(None)
    ('<6 bytes>', 'None')
    """
    return "None" if data is None else f"<{memoryview(data).nbytes} bytes>"


class Brief(reprlib.Repr):
    """The first few items of anything, a few levels deep; of bytes only how many.

    >>> Brief().line({"numbers": list(range(100))})
    "{'numbers': [0, 1, 2, 3, ...]}"
    """

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = 60
        self.maxdict = self.maxtuple = self.maxlist = self.maxset = self.maxfrozenset = 4

    def line(self, value: Any) -> str:
        """``value`` in at most `LINE` characters."""
        text = self.repr(value)
        return text if len(text) <= LINE else f"{text[: LINE - 3]}..."

    def repr1(self, x: Any, level: int) -> str:
        """``x`` with ``level`` more levels inside; what is cut here is never asked for its own repr."""
        if isinstance(x, bytes | bytearray | memoryview):
            return sized(x)
        if isinstance(x, tuple):
            return self.repr_tuple(x, level)
        if isinstance(x, Mapping):
            return self._mapping(x, level)
        if attrs.has(type(x)) and is_generated(type(x).__repr__):
            return self._attrs_value(x, level)
        return super().repr1(x, level)

    def _mapping(self, x: Mapping[Any, Any], level: int) -> str:
        items = islice(x.items(), self.maxdict)
        inside = (f"{self.repr1(name, level - 1)}: {self.repr1(item, level - 1)}" for name, item in items)
        return f"{{{self._inside(inside, level, more=len(x) > self.maxdict)}}}"

    def _attrs_value(self, x: Any, level: int) -> str:
        shown = (a for a in attrs.fields(type(x)) if a.repr)
        inside = (f"{a.name}={self._attribute(a, getattr(x, a.name), level - 1)}" for a in shown)
        return f"{type(x).__qualname__}({self._inside(inside, level, more=False)})"

    def _attribute(self, attribute: "attrs.Attribute[Any]", value: Any, level: int) -> str:
        """As the class says that it is shown, which may be not at all as it is."""
        return attribute.repr(value) if callable(attribute.repr) else self.repr1(value, level)

    def _inside(self, inside: Iterable[str], level: int, *, more: bool) -> str:
        return ", ".join([*inside, *(["..."] if more else [])]) if level > 0 else "..."
