"""Texts of strangers, made harmless."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.notebook.text import SCANNED, columns, counted, escaped, fit, padded, plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größe 画像 🎉", "größe 画像 🎉"),
        ("two\nlines\r\n\ttab", "two\\nlines\\r\\n\\ttab"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x07bell\x00nul\x7fdel\x9bcsi", "\\x07bell\\x00nul\\x7fdel\\x9bcsi"),
        ("a\u202eb\u2066c\u200fd", "a\\u202eb\\u2066c\\u200fd"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028sep", "line\\u2028sep"),
        ("lone \udcff", "lone \\udcff"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("e\u0301" + "\u0301" * 9, "e" + "\u0301" * 4 + "\\u0301" * 6),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, shown: str) -> None:
    """Controls, escape sequences, direction changes and lone surrogates become their escapes."""
    assert plain(text) == shown


def test_a_very_long_text_is_looked_at_only_at_its_beginning() -> None:
    """The end of a text of megabytes is not shown."""
    assert plain("a" * 10_000_000) == "a" * SCANNED + "…"


def test_markup_is_escaped() -> None:
    """Neither an element nor a quoted attribute can be left."""
    assert escaped("""<img src=x onerror="a('b')">&""") == (
        "&lt;img src=x onerror=&quot;a(&#x27;b&#x27;)&quot;&gt;&amp;"
    )


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("short", 5, "short"),
        ("longer than that", 9, "long…that"),
        ("longer than that", 2, "l…"),
        ("画像画像画像", 6, "画…像"),
        ("a\nb", 4, "a\\nb"),
        ("e\u0301" * 10, 4, "e\u0301e\u0301…e\u0301"),
    ],
)
def test_a_text_that_does_not_fit_loses_its_middle(text: str, limit: int, shown: str) -> None:
    """Both ends of a path or a name tell more than its middle."""
    assert fit(text, limit) == shown


def test_columns_are_those_of_a_terminal() -> None:
    """Wide characters take two, those that combine none."""
    assert (columns("abc"), columns("画像"), columns("e\u0301")) == (3, 4, 1)
    assert padded("画", 4) == "画  "


def test_numbers_are_counted_in_words() -> None:
    """One thunk, two thunks, ten thousand with a comma."""
    assert [counted(n, "thunk") for n in (0, 1, 12_000)] == ["0 thunks", "1 thunk", "12,000 thunks"]


HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(st.characters(codec=None)), st.integers(1, 40))
def test_whatever_the_text_one_harmless_line_that_fits_comes_out(text: str, limit: int) -> None:
    """No control is left, nothing is longer than asked for, and all can be encoded."""
    shown = fit(text, limit)
    assert columns(shown) <= limit
    assert not {unicodedata.category(c) for c in shown} & HIDDEN
    assert len(shown) <= 5 * limit
    assert shown.encode() or not text
    assert not {"<", ">", '"', "'"} & set(escaped(text))
