"""The menu of the pages."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_page_is_in_the_menu() -> None:
    """Who adds one, a decision say, adds it there: nothing else leads to it from everywhere."""
    menu = (ROOT / ".mkdocs.yml").read_text().partition("\nnav:\n")[2].split()
    assert {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} <= set(menu)
