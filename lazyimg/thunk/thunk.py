"""A thunk: a frozen description of work, holding its inputs."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Generic, Self, TypeVar

import attrs
from attrs import field, frozen

from lazyimg.errors import GraphCycle
from lazyimg.thunk.brief import Brief, has_text, is_generated
from lazyimg.thunk.key import Keyed, Opaque, digest_of
from lazyimg.thunk.origin import Origin, here
from lazyimg.thunk.run import Run

T_co = TypeVar("T_co", covariant=True)

ROLE = "lazyimg.role"

ORDER = {ROLE: "order"}
"""Metadata of a field whose thunks come before this one, give it no value, and are no part of its key."""

HELD = {ROLE: "held"}
"""Metadata of a field whose thunks are part of it without being evaluated: a recipe to be rebuilt."""


@frozen(eq=False, repr=False)
class Thunk(Keyed, Generic[T_co]):
    """Work to be done, and what it needs. Making one does nothing.

    A subclass is an ``attrs.frozen`` class: its fields are its parameters, and whichever of them are
    thunks (directly, in a tuple, or as a mapping's values) are its inputs. It says what to do in
    `evaluate`. Nothing else has to be registered anywhere.

    >>> @frozen
    ... class Add(Thunk[int]):
    ...     left: int
    ...     right: int
    ...     def evaluate(self, run):
    ...         return self.left + self.right
    >>> Add(1, 2) == Add(1, 2), Add(1, 2) == Add(2, 1)
    (True, False)

    Attributes:
        origin: where the user composed it; no part of its identity.
    """

    effectful: ClassVar[bool] = False
    """True if evaluating touches the world: it then runs on a worker, not on the scheduler's thread."""

    light: ClassVar[bool] = False
    """True if it is effectful and small: it then starts at once, and does not count among the jobs."""

    origin: Origin | None = field(init=False, factory=here)
    _key: str | None = field(init=False, default=None)

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        """Take back what attrs generates: it would recurse over a deep graph."""
        for name in ("__eq__", "__ne__", "__hash__", "__repr__"):
            if is_generated(cls.__dict__.get(name)):
                delattr(cls, name)

    def evaluate(self, run: Run) -> "T_co | Thunk[T_co]":
        """The value, or another thunk that takes this one's place.

        Args:
            run: gives the inputs' values (``run.value(self.source)``), the runtime, and `Run.check`.
        """
        raise NotImplementedError(f"{type(self).__qualname__} does not say how it is evaluated")

    @property
    def urgency(self) -> int:
        """Which of several ready thunks goes first: the highest."""
        return 0

    @property
    def parameters(self) -> dict[str, Any]:
        """The fields that make up its identity, inputs among them, by name."""
        return {name: getattr(self, name) for name in _fields(self, "input", "held")}

    @property
    def inputs(self) -> "tuple[Thunk[Any], ...]":
        """The thunks whose values it needs, in the order of its fields, each once."""
        return _distinct(self, "input")

    @property
    def after(self) -> "tuple[Thunk[Any], ...]":
        """The thunks that must have ended before, without giving it a value."""
        return _distinct(self, "order")

    @property
    def parts(self) -> "tuple[Thunk[Any], ...]":
        """Its inputs, and the thunks that it holds without their being evaluated."""
        return _distinct(self, "input", "held")

    @property
    def key(self) -> str:
        """The structural identity, in hexadecimal; computed when first asked for, and touching nothing."""
        if self._key is None:
            _compute_keys(self)
        return self._key or ""

    @property
    def name(self) -> str:
        """The operation's name, as drawings and errors show it."""
        return type(self).__qualname__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Thunk):
            return NotImplemented
        return self is other or self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        shown = (f"{name}={brief(value)}" for name, value in self.parameters.items())
        return f"{self.name}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        from lazyimg.thunk.pickling import pack, unpack  # noqa: PLC0415 - the two modules know each other

        return unpack, (pack(self),)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself: a frozen value needs no second one, and its graph may be deep."""
        return self


X = TypeVar("X", bound=Thunk[Any])


def traced(thunk: X, origin: Origin | None) -> X:
    """``thunk``, just made, with the place where the user composed what it comes from."""
    object.__setattr__(thunk, "origin", origin)
    return thunk


@frozen
class Early(Thunk[T_co]):
    """A value that its producer publishes (`Run.publish`) while it is still being evaluated.

    Whoever needs only this value goes on without waiting for the rest.
    """

    producer: Thunk[Any]

    def evaluate(self, run: Run) -> T_co:
        """Never called: the value comes from the producer."""
        raise AssertionError(f"{self!r} is published by its producer ({run})")


class _BriefThunks(Brief):
    """Thunks by name and key, values that have a text of their own by that, nothing deeper."""

    def repr1(self, x: Any, level: int) -> str:
        if isinstance(x, Thunk):
            return f"<{x.name} {_short_key(x)}>"
        return str(x) if attrs.has(type(x)) and has_text(type(x)) else super().repr1(x, level)


_brief = _BriefThunks()


def brief(value: Any) -> str:
    """A value in at most a line: thunks by name and key, nothing deeper than one level of the graph."""
    return _brief.line(value)


def _short_key(thunk: Thunk[Any]) -> str:
    try:
        return thunk.key[:8]
    except TypeError:  # it has none, which whoever asks for the key itself is told
        return "without key"


def thunks_in(value: Any) -> Iterator[Thunk[Any]]:
    """The thunks that a field holds: itself, in a tuple, or as a mapping's values."""
    if isinstance(value, Thunk):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from thunks_in(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from thunks_in(item)


def _thunks_below(value: Any) -> Iterator[Thunk[Any]]:
    """The thunks that a key depends on: those of `thunks_in`, and those inside attrs values."""
    if isinstance(value, Thunk):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _thunks_below(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _thunks_below(item)
    elif attrs.has(type(value)) and not isinstance(value, Opaque):
        for attribute in attrs.fields(type(value)):
            if attribute.eq:
                yield from _thunks_below(getattr(value, attribute.name))


def _fields(thunk: Thunk[Any], *roles: str) -> tuple[str, ...]:
    cls: Any = type(thunk)
    return _fields_of(cls, *roles)


@cache
def _fields_of(cls: Any, *roles: str) -> tuple[str, ...]:
    own = (a for a in attrs.fields(cls) if a.name not in ("origin", "_key"))
    return tuple(a.name for a in own if a.metadata.get(ROLE, "input") in roles)


def _distinct(thunk: Thunk[Any], *roles: str) -> tuple[Thunk[Any], ...]:
    found = (t for name in _fields(thunk, *roles) for t in thunks_in(getattr(thunk, name)))
    return tuple({t.key: t for t in found}.values())


def _compute_keys(root: Thunk[Any]) -> None:
    """Give a key to ``root`` and to everything below it that has none, leaves first."""
    stack, opened = [root], set[int]()
    while stack:
        thunk = stack[-1]
        if thunk._key is None:  # noqa: SLF001 - the class's own module
            waiting = [t for t in _thunks_below(tuple(thunk.parameters.values())) if t._key is None]  # noqa: SLF001
            if waiting:
                if id(thunk) in opened:  # it came up again before what it waits for had a key
                    raise GraphCycle(f"a thunk depends on itself: {thunk.name}{_composed(thunk)}")
                opened.add(id(thunk))
                stack.extend(waiting)
                continue
            object.__setattr__(thunk, "_key", _key_of(thunk))
        stack.pop()


def _key_of(thunk: Thunk[Any]) -> str:
    """The key of a thunk whose inputs have theirs."""
    name = f"{type(thunk).__module__}.{type(thunk).__qualname__}"
    try:
        return digest_of(name, thunk.parameters.items())
    except TypeError as error:
        error.add_note(f"in a parameter of {thunk.name}{_composed(thunk)}")
        raise


def _composed(thunk: Thunk[Any]) -> str:
    return f", composed at {thunk.origin}" if thunk.origin else ""
