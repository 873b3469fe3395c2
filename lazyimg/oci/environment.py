"""The environment of a container: a list of ``NAME=value``, in which the last of a name counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazyimg.errors import InvalidDocument
from lazyimg.oci import fields
from lazyimg.oci.json_value import jsonable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def environment(entries: Iterable[str]) -> dict[str, str]:
    """Return the variables by name; an entry without ``=`` is a name whose value is empty.

    Example:
        >>> environment(["A=1", "B=x=y", "A=2"])
        {'A': '2', 'B': 'x=y'}
    """
    return {name: value for name, _, value in (entry.partition("=") for entry in entries)}


def changed_environment(entries: Sequence[str], changes: Mapping[str, str | None]) -> list[str]:
    """Return ``entries`` with variables set, or removed where the value is None.

    A variable that has the value already is left as it is written, even twice. One that is changed stands
    once, where the one that counted stood; new ones come last, in the order of ``changes``.

    Raises:
        InvalidDocument: a name is empty or holds ``=``; a name or value holds a NUL.

    Example:
        >>> changed_environment(["A=1", "B=2", "C=3"], {"B": None, "A": "0", "D": "4"})
        ['A=0', 'C=3', 'D=4']
    """
    old = environment(entries)
    moved = {name: _checked(name, value) for name, value in changes.items() if old.get(name) != value}
    last = {entry.partition("=")[0]: at for at, entry in enumerate(entries)}
    result: list[str] = []
    for at, entry in enumerate(entries):
        name = entry.partition("=")[0]
        if name not in moved:
            result.append(entry)
        elif at == last[name] and moved[name] is not None:
            result.append(f"{name}={moved[name]}")
    new = [f"{name}={value}" for name, value in moved.items() if value is not None and name not in last]
    return result + new


def _checked(name: str, value: str | None) -> str | None:
    if not name or "=" in name or "\0" in name:
        raise InvalidDocument(f"{name[:80]!r} is no name of an environment variable")
    if value is not None and "\0" in fields.text(jsonable(value), f"environment[{name[:80]!r}]"):
        raise InvalidDocument(f"the value of the environment variable {name[:80]} holds a NUL")
    return value
