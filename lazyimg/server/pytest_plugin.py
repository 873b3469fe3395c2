"""A pytest plugin: the fixture ``lazyimg_registry``, an embedded registry for each test that asks for it.

It is found by pytest where lazyimg is installed (entry point ``pytest11``), and costs a run that does not use
it next to nothing: nothing is imported but this module until a test asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazyimg.server.registry import Registry

MARK = (
    "lazyimg_registry(strict_faults=False, **settings): the settings of the registry that the fixture"
    " `lazyimg_registry` gives, and whether a fault that befell no request fails the test"
)


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known, so that strict runs accept it."""
    config.addinivalue_line("markers", MARK)


@pytest.fixture
def lazyimg_registry(request: pytest.FixtureRequest) -> Iterator[Registry]:
    """Give an OCI registry that runs in this process, in memory, on a loopback port, until the test ends.

    The mark ``lazyimg_registry`` gives it settings, as in ``@pytest.mark.lazyimg_registry(token=True)``. Of
    several, the settings of the test win over those of its class, and these over its module's. With
    ``strict_faults=True`` the test fails at its end if a fault that it added befell no request.

    Raises:
        InvalidSetting: a mark says what is no setting.
        MissingExtra: the libraries of the extra ``server`` are not installed.
    """
    settings: dict[str, Any] = {}
    kind = _registry()
    for mark in reversed(list(request.node.iter_markers("lazyimg_registry"))):
        _check(mark, kind)
        settings |= mark.kwargs
    is_strict = settings.pop("strict_faults", False)
    with kind(**settings) as registry:
        yield registry
        if is_strict:
            registry.faults.assert_befallen()


def _check(mark: pytest.Mark, kind: type[Registry]) -> None:
    """Refuse a mark that says something that is no setting.

    Raises:
        InvalidSetting: it does.
    """
    from inspect import signature  # noqa: PLC0415 - as the registry

    from lazyimg.errors import InvalidSetting  # noqa: PLC0415

    known = ["strict_faults", *signature(kind).parameters]
    strange = ", ".join(name for name in mark.kwargs if name not in known)
    if mark.args or strange:
        what = f"there is no {strange}" if strange else "settings are given by name"
        raise InvalidSetting(f"the mark lazyimg_registry: {what}; its settings are {', '.join(known)}")


def _registry() -> type[Registry]:
    """Load the registry.

    Raises:
        MissingExtra: the libraries of the extra ``server`` are not installed.
    """
    try:
        from lazyimg.server.registry import Registry  # noqa: PLC0415 - only who asks pays for it
    except ImportError as error:
        from lazyimg.errors import MissingExtra  # noqa: PLC0415

        raise MissingExtra(
            "the fixture lazyimg_registry needs starlette and uvicorn: pip install 'lazyimg[server]'"
        ) from error
    return Registry
