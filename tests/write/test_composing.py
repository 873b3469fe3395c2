"""From what a user names to the graph of a write."""

import pytest

import lazyimg as li
from lazyimg.errors import InvalidReference


@pytest.mark.parametrize("text", ["/srv/out", "./out", "~/out", "out/App.tar"])
def test_a_path_given_as_a_text_is_told_from_a_reference(text: str) -> None:
    """The error about the reference says what a path would be written as."""
    with pytest.raises(InvalidReference) as caught:
        li.Image.empty().write(text)
    assert "OCILayout(path)" in caught.value.__notes__[0]
