"""JSON is read by its grammar and written as it was."""

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.errors import InvalidDocument
from lazyimg.oci.document import Document, dumps, loads
from lazyimg.oci.json_value import MAX_DEPTH, Integer, Real, Text

SPACE = st.text(alphabet=" \t\r\n", max_size=2)


def _letter(code: int) -> list[str]:
    """Return the ways to write one letter below U+10000 in a JSON text."""
    ways = [f"\\u{code:04x}", f"\\u{code:04X}"]
    plain = chr(code)
    if code >= 0x20 and plain not in '"\\' and not 0xD800 <= code < 0xE000:
        ways.append(plain)
    named = {'"': '\\"', "\\": "\\\\", "/": "\\/", "\n": "\\n", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
    return [*ways, named[plain]] if plain in named else ways


LETTER = st.one_of(st.sampled_from('<>&"\\/\n\t\b\fa\u2028é\x7f').map(ord), st.integers(0, 0xFFFF)).flatmap(
    lambda code: st.sampled_from(_letter(code))
)
STRING = st.lists(LETTER, max_size=6).map(lambda letters: '"' + "".join(letters) + '"')
NUMBER = st.one_of(
    st.integers().map(str),
    st.sampled_from(["-0", "1.0", "1e5", "1E+5", "-0.0", "1e400", "0.1", "12345678901234567890123", "1.10"]),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
SCALAR = st.one_of(STRING, NUMBER, st.sampled_from(["true", "false", "null"]))


def _object(members: list[tuple[str, str]]) -> str:
    unique = {json.loads(key): (key, value) for key, value in members}
    return "{" + ",".join(f"{key}:{value}" for key, value in unique.values()) + "}"


JSON_TEXT = st.recursive(
    SCALAR,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: "[" + ",".join(items) + "]"),
        st.lists(st.tuples(STRING, inner), max_size=4).map(_object),
    ),
    max_leaves=12,
)


@given(JSON_TEXT)
def test_what_is_read_is_written_as_it_was(text: str) -> None:
    """Compact JSON read and written again is the same, letter by letter."""
    assert dumps(loads(text)) == text.encode()
    assert dumps(loads(text.encode())) == text.encode()


@given(JSON_TEXT)
def test_it_reads_the_values_that_the_standard_library_reads(text: str) -> None:
    """Values are those that json.loads gives, and copies keep their source text."""
    value = loads(text)
    assert value == json.loads(text)
    assert dumps(copy.deepcopy(value)) == text.encode()


@given(JSON_TEXT, st.data())
def test_space_between_tokens_is_nothing(text: str, data: st.DataObject) -> None:
    """Space and line breaks around any token change no value."""
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\[\]{},:"\s]+', text)
    spaced = "".join(data.draw(SPACE) + token for token in tokens) + data.draw(SPACE)
    assert dumps(loads(spaced)) == text.encode()


@given(st.one_of(st.binary(), st.text(), st.text(alphabet='{}[]",:\\u0123456789eE+-.truefalsn ')))
def test_reading_is_total(data: bytes | str) -> None:
    """Any bytes and any text give a value or an error that says what is wrong and where."""
    try:
        value = loads(data)
    except InvalidDocument as error:
        assert re.search(r"line \d+, column \d+|is no UTF-8", str(error))  # noqa: PT017  # both ends are right
    else:
        assert loads(dumps(value)) == value


@given(JSON_TEXT, st.data())
def test_broken_json_is_refused_where_the_standard_library_refuses_it(text: str, data: st.DataObject) -> None:
    """A document with one letter changed is taken only if it is still JSON."""
    at = data.draw(st.integers(0, len(text) - 1))
    broken = text[:at] + data.draw(st.sampled_from('{}[]",:\\0e-.t\0 ')) + text[at + 1 :]
    try:
        value = loads(broken)
    except InvalidDocument:
        return
    assert json.loads(broken) == value


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "a value is expected (line 1, column 1)"),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
        (b"\xff", "is no UTF-8: invalid start byte at 0"),
        ("\ud800", "is no UTF-8"),
        (b'{"a":1,"a":2}', "the key 'a' appears twice (line 1, column 8)"),
        (b'{"a":1,"\\u0061":2}', "the key 'a' appears twice"),
        (b"NaN", "a value is expected"),
        (b"-Infinity", "a value is expected"),
        (b"{} {}", "there is more after the value (line 1, column 4)"),
        (b'{"a":1,}', "a key is expected (line 1, column 8)"),
        (b"[1,]", "a value is expected"),
        (b"[1 2]", "',' or ']' is expected"),
        (b'{\n "a" 1}', "':' is expected (line 2, column 6)"),
        (b'{"a":1', "',' or '}' is expected"),
        (b'"a\nb"', "invalid control character at"),
        (b'"\\x"', "invalid \\escape"),
        (b'"a', "unterminated string"),
        (b"01", "there is more after the value"),
        (b"+1", "a value is expected"),
        (b"tru", "a value is expected"),
        ("\u0661", "a value is expected"),
    ],
)
def test_what_is_wrong_is_said(data: bytes | str, words: str) -> None:
    """Each kind of broken JSON is refused with words that say what and where."""
    with pytest.raises(InvalidDocument) as caught:
        loads(data, what="config")
    assert str(caught.value).startswith("the config is no ")
    assert words in str(caught.value)


def test_an_endless_number_is_refused() -> None:
    """An integer of more digits than Python converts is refused instead of raising ValueError."""
    with pytest.raises(InvalidDocument, match="a number of 5000 digits"):
        loads("9" * 5000)
    with pytest.raises(InvalidDocument, match="refuses to write"):
        dumps(10**5000)


def test_depth_has_a_limit_in_reading_and_writing() -> None:
    """Values nested up to the limit go through; one level more, or a cycle, is refused."""
    deep: Any = []
    for _ in range(MAX_DEPTH - 1):
        deep = [deep] if len(repr(deep)) % 3 else {"a": deep}
    data = dumps(deep)
    assert loads(data) == deep
    assert Document({"a": deep}).set("a", deep) == Document({"a": deep})
    for too_deep in (b"[" * (MAX_DEPTH + 1), b"[" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(InvalidDocument, match="nested deeper than 128"):
            loads(too_deep)
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(InvalidDocument, match="nested deeper than 128"):
        dumps(cycle)


def test_scalars_are_plain_where_their_text_is() -> None:
    """Only a scalar with an unusual text is a subclass that remembers it."""
    plain = loads('["a", 9007199254740993, 0.5, true, null]')
    assert isinstance(plain, list)
    assert [type(item) for item in plain] == [str, int, float, bool, type(None)]
    odd = loads('["\\u0061", -0, 5e-1]')
    assert isinstance(odd, list)
    assert [type(item) for item in odd] == [Text, Integer, Real]
    assert odd == ["a", 0, 0.5]


def test_values_of_python_are_written() -> None:
    """Tuples are lists, mappings objects, subclasses of scalars plain, lone surrogates escaped."""

    class Name(str):
        __slots__ = ()

        def __str__(self) -> str:
            return "not this"

    class Count(int):
        pass

    class Share(float):
        pass

    value = {Name("k"): (Name("v"), Count(3), Share(0.5), False), "s": "\ud800<é"}
    assert dumps(value) == '{"k":["v",3,0.5,false],"s":"\\ud800<é"}'.encode()


@pytest.mark.parametrize(
    "value", [{1: 2}, {"a": {None: 1}}, b"bytes", {1, 2}, float("nan"), [float("inf")], object()]
)
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    """Keys that are no texts, NaN, infinity and foreign types are refused when written."""
    with pytest.raises(InvalidDocument, match="JSON"):
        dumps(value)


def test_numbers_beyond_double_precision_stay_exact() -> None:
    """2^53 + 1 and the largest 64-bit number are read and written exactly."""
    text = b'{"size":9007199254740993,"max":18446744073709551615}'
    assert dumps(loads(text)) == text
    assert loads(text) == {"size": 2**53 + 1, "max": 2**64 - 1}


MEMBERS = st.lists(st.tuples(STRING, JSON_TEXT), min_size=1, max_size=5)


@given(MEMBERS, st.data())
def test_an_edit_of_one_field_changes_that_field_alone(
    members: list[tuple[str, str]], data: st.DataObject
) -> None:
    """Setting one key of any document leaves the text and place of every other member."""
    unique = list({json.loads(key): (key, value) for key, value in members}.values())
    document = Document.parse(_object(unique))
    at = data.draw(st.integers(0, len(unique) - 1))
    edited = document.set(json.loads(unique[at][0]), "changed by the test")
    unique[at] = (unique[at][0], '"changed by the test"')
    assert edited.to_bytes() == _object(unique).encode()


@given(MEMBERS, st.data())
def test_removing_a_field_leaves_the_others(members: list[tuple[str, str]], data: st.DataObject) -> None:
    """Removing one key leaves the text and place of every other member."""
    unique = list({json.loads(key): (key, value) for key, value in members}.values())
    document = Document.parse(_object(unique))
    at = data.draw(st.integers(0, len(unique) - 1))
    edited = document.remove(json.loads(unique.pop(at)[0]))
    assert edited.to_bytes() == _object(unique).encode()


@given(MEMBERS)
def test_setting_equal_values_changes_nothing(members: list[tuple[str, str]]) -> None:
    """Each value set to what the standard library reads there gives the very same document."""
    text = _object(members)
    document = Document.parse(text)
    for key, value in json.loads(text).items():
        if "Infinity" not in json.dumps(value):
            assert document.set(key, value) is document
    assert document.to_bytes() == text.encode()
