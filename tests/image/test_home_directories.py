"""Paths below a home directory, expanded while composing without a look at anything."""

import pytest

import lazyimg as li


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x.tar", "~root"])
def test_the_home_of_another_user_is_not_looked_up(path: str) -> None:
    """Finding it would open files while composing."""
    with pytest.raises(ValueError, match="write the directory itself"):
        li.Layer.from_tar(path)


def test_a_home_that_the_environment_does_not_name_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same of ``~`` without ``HOME``; with it, it is expanded."""
    monkeypatch.setenv("HOME", "/home/me")
    assert "/home/me/x.tar" in repr(li.Layer.from_tar("~/x.tar"))
    monkeypatch.delenv("HOME")
    with pytest.raises(ValueError, match="write the directory itself"):
        li.Layer.from_tar("~/x.tar")
