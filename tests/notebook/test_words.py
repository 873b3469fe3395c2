"""Thunks and their parameters in a person's words."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from attrs import Factory, field, frozen

from lazyimg.notebook.words import detail_of, own_parameters, words
from lazyimg.thunk.brief import LINE
from lazyimg.thunk.thunk import Thunk


@frozen
class Gzip:
    level: int = 1


@frozen
class Source:
    path: Path
    at: str = "/"
    secret: str = field(default="", repr=False)
    mask: str = field(default="", repr=lambda _: "***")

    def describe(self) -> str:
        return f"the files in {self.path}"


@frozen
class Reference:
    name: str

    def __str__(self) -> str:
        return f"registry/{self.name}"


@frozen
class Nested:
    inner: Any


@frozen
class Build(Thunk[Any]):
    """A thunk with all kinds of fields."""

    source: Any
    platform: str | None = None
    compression: Gzip = Gzip()
    labels: Mapping[str, Any] = field(factory=dict)
    twice: Any = Factory(lambda self: self.source, takes_self=True)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("text", "text"),
        (7, "7"),
        (("a", "b"), "('a', 'b')"),
        ({"MODE": "prod", "OLD": None}, "MODE='prod', OLD=None"),
        (MappingProxyType({"a": {"b": 1}}), "a={b=1}"),
        ({n: n for n in range(9)}, "0=0, 1=1, 2=2, 3=3, ..."),
        (Gzip(), "Gzip()"),
        (Gzip(2), "Gzip(level=2)"),
        (Reference("app"), "registry/app"),
        ((Reference("app"),), "(registry/app,)"),
        (Source(Path("/srv/a")), "the files in /srv/a"),
        (Source(Path("/srv/a"), at="/b"), "the files in /srv/a, at='/b'"),
        (Source(Path("/srv/a"), secret="hidden"), "the files in /srv/a"),
        (Source(Path("/srv/a"), mask="hidden"), "the files in /srv/a, mask=***"),
        (Nested(1), "Nested(1)"),
        (Build("x"), "Build"),
    ],
)
def test_values_are_shown_as_a_person_would_write_them(value: Any, shown: str) -> None:
    """By their own text, or what is not as always of them; never what their class hides."""
    assert words(value) == shown


def test_paths_are_shown_from_here_where_that_goes_down_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies below the working directory is named from there; nothing on the disk is looked at."""
    monkeypatch.chdir(tmp_path)
    assert words(tmp_path / "dist" / "app") == "dist/app"
    assert words(tmp_path.parent / "other") == str(tmp_path.parent / "other")


def test_paths_are_shown_though_the_working_directory_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking must not fail where a path can be shown as it is."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert words(Path("/srv/a")) == "/srv/a"


def test_deep_values_are_cut() -> None:
    """Neither depth nor width makes more than a line."""
    deep: Any = 1
    for _ in range(10_000):
        deep = Nested(deep)
    assert words(deep) == "Nested(Nested(Nested(Nested(...))))"
    assert len(words({"k" * 1_000: ["x" * 1_000] * 1_000})) <= LINE


def test_an_object_that_is_no_value_of_ours_is_not_asked_to_describe_itself() -> None:
    """Only our own values are described by their method; of others it might do anything."""

    class Foreign:
        def __getattr__(self, name: str) -> Callable[[], str]:
            raise AssertionError(name)

        def __repr__(self) -> str:
            return "foreign"

    assert words((Foreign(),)) == "(foreign,)"


def test_what_is_as_always_goes_without_saying() -> None:
    """Defaults, nothing, and inputs are left out; required fields need no name."""
    assert list(own_parameters(Build("x"))) == [("source", "x"), ("twice", "x")]
    assert dict(own_parameters(Build(Build("x"), twice=()))) == {}
    build = Build("x", "linux/arm64", Gzip(2), {"a": 1}, twice=None)
    assert detail_of(build) == "x, platform=linux/arm64, compression=Gzip(level=2), labels=a=1"
