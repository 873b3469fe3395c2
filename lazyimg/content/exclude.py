"""Which entries of a directory stay out of a layer: patterns as in ``.gitignore``, matched by pathspec."""

from collections.abc import Callable, Iterable
from typing import Any

from lazyimg.errors import MissingExtra


def patterns(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return patterns as a tuple; one alone may be given as text.

    >>> patterns("*.pyc"), patterns(["a", "b"])
    (('*.pyc',), ('a', 'b'))
    """
    return (value,) if isinstance(value, str) else tuple(value)


def _nothing(_: str) -> bool:
    return False


def excluded(lines: tuple[str, ...]) -> Callable[[str], bool]:
    """Return the test that says whether a path stays out.

    The path is relative to the directory, with a slash at the end of a directory's. What is in an excluded
    directory is not looked at, so it cannot be brought back by ``!``, as with git.

    Raises:
        MissingExtra: there are patterns, and pathspec is not installed.
        ValueError: a line is no pattern.
    """
    if not lines:
        return _nothing
    try:
        import pathspec  # noqa: PLC0415 - an extra, loaded on use
    except ImportError as error:
        raise MissingExtra(
            "exclude= takes gitignore patterns, which need the pathspec library, which is not installed: "
            "pip install 'lazyimg[patterns]'"
        ) from error
    spec: Any = pathspec.GitIgnoreSpec.from_lines(lines)
    match: Callable[[str], bool] = spec.match_file
    return match
