"""An OCI layout to write to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lazyimg.stores.layout import Layout

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Give a new layout."""
    made = Layout(tmp_path / "layout")
    made.create()
    return made
