"""Whatever the layers: merging them gives what applying them to a real directory does."""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.layers import applied, cut, flattened, is_root, merged_of, stacks, told

from lazyimg.content.merged import Merged
from lazyimg.errors import InvalidContent, InvalidMutation


@is_root
@settings(max_examples=60)
@given(stacks())
def test_merging_is_applying(layers: list[bytes]) -> None:
    """Merged layers are what a directory holds that they were applied to; one tar of them gives it again."""
    expected = applied(layers)
    if "refused" in expected:
        with pytest.raises(InvalidContent, match="hard link"):
            merged_of(layers)
        return
    merged = merged_of(layers)
    assert told(merged) == expected
    flat = b"".join(merged.pieces())
    assert applied([flat]) == expected
    assert flattened([flat]) == flat


@is_root
@settings(max_examples=60)
@given(stacks(links=False), stacks())
def test_squashing_changes_nothing(below: list[bytes], above: list[bytes]) -> None:
    """Upper layers merged into one come to the same on top of the lower ones, which are not read."""
    expected = applied([*below, *above])
    assume("refused" not in expected)
    try:
        squashed = flattened(above, on_top=True)
    except InvalidMutation as error:
        assert "hidden by one of them" in str(error)  # noqa: PT017 - few examples are refused
        return
    found = applied([*below, squashed])
    left_to_markers = {path for path in expected.keys() - found.keys() if has_marker_below(squashed, path)}
    assert {path: said for path, said in expected.items() if path not in left_to_markers} == found
    assert all(expected[path] == ["directory", 0o755, 0, 0] for path in left_to_markers)


def has_marker_below(layer: bytes, path: str) -> bool:
    """Tell whether a layer has a marker in a directory, or below: some tools make it for that, some not."""
    with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
        names = [f"/{name}" for name in archive.getnames()]
    return any(name.startswith(f"{path}/") and "/.wh." in name for name in names)


@given(stacks(), st.lists(st.integers(1, 700), min_size=1, max_size=5))
def test_pieces_do_not_matter(layers: list[bytes], sizes: list[int]) -> None:
    """The tar is the same however the layers' bytes arrive."""
    try:
        expected = flattened(layers)
    except InvalidContent:
        assume(False)  # noqa: FBT003 - hypothesis' own
    merged = Merged()
    for number, data in enumerate(layers):
        merged.add(cut(data, sizes), f"layer {number}")
    merged.settle()
    assert b"".join(merged.pieces()) == expected
