"""A thunk and its parameters in the words of a person: short, and nothing that goes without saying."""

import os
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import attrs

from lazyimg.thunk.brief import Brief, has_text
from lazyimg.thunk.thunk import Thunk, thunks_in


def words(value: Any) -> str:
    """A parameter as a person would write it, in one line of bounded length.

    A value that has a text of its own is shown as that; of any other, what is as always is left out.

    >>> words({"MODE": "prod", "OLD": None})
    "MODE='prod', OLD=None"
    """
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return _words.line(value).removeprefix("{").removesuffix("}")
    return _words.line(value)


def detail_of(thunk: Thunk[Any]) -> str:
    """A thunk's own parameters as a call would give them; inputs, and what is as always, say nothing."""
    required = {a.name for a in attrs.fields(type(thunk)) if a.default is attrs.NOTHING}
    return ", ".join(text if name in required else f"{name}={text}" for name, text in own_parameters(thunk))


def own_parameters(thunk: Thunk[Any]) -> Iterator[tuple[str, str]]:
    """The names and words of the parameters that hold no thunk, are not empty and not as always."""
    usual = {a.name: _usual(a) for a in attrs.fields(type(thunk))}
    for name, value in thunk.parameters.items():
        if not _is_empty(value) and value != usual[name] and next(thunks_in(value), None) is None:
            yield name, words(value)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | bytes | tuple | list | Mapping) and len(value) == 0)


def _usual(attribute: "attrs.Attribute[Any]") -> Any:
    """What a field is where nobody says anything else; `attrs.NOTHING` where somebody must."""
    default: Any = attribute.default
    if not isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a class, which its stub hides
        return default
    return attrs.NOTHING if default.takes_self else default.factory()


class _Words(Brief):
    """Values by their own texts, where they have one."""

    def repr1(self, x: Any, level: int) -> str:
        if isinstance(x, Thunk):
            return str(x.name)
        if isinstance(x, PurePath):
            return _nearest(x)
        if attrs.has(type(x)) and has_text(type(x)):
            return str(x)
        if attrs.has(type(x)) and callable(describe := getattr(x, "describe", None)):
            said = str(describe())
            return ", ".join([_nearest(said) if said.startswith(os.sep) else said, *self._unusual(x, level)])
        return super().repr1(x, level)

    def _attrs_value(self, x: Any, level: int) -> str:
        return f"{type(x).__qualname__}({self._inside(self._settings(x, level), level, more=False)})"

    def _settings(self, x: Any, level: int) -> Iterator[str]:
        """What somebody must say, and after it what is not as always."""
        for a in attrs.fields(type(x)):
            if a.repr and a.default is attrs.NOTHING:
                yield self._attribute(a, getattr(x, a.name), level - 1)
        yield from self._unusual(x, level)

    def _unusual(self, x: Any, level: int) -> list[str]:
        """The settings of a value that are not as always."""
        settings = (a for a in attrs.fields(type(x)) if a.repr and a.default is not attrs.NOTHING)
        given = ((a, getattr(x, a.name)) for a in settings)
        return [f"{a.name}={self._attribute(a, v, level - 1)}" for a, v in given if v != _usual(a)]

    def _mapping(self, x: Mapping[Any, Any], level: int) -> str:
        """As keyword arguments: names are texts here, and read better without quotes."""
        items = list(x.items())[: self.maxdict]
        inside = (f"{name}={self.repr1(item, level - 1)}" for name, item in items)
        return f"{{{self._inside(inside, level, more=len(x) > self.maxdict)}}}"


def _nearest(path: PurePath | str) -> str:
    """The path from here, where that is shorter and goes down only; nothing on the disk is looked at."""
    try:
        near = os.path.relpath(path)
    except OSError:  # the working directory is gone
        return str(path)
    return str(path) if near.startswith(os.pardir) else near


_words = _Words()
