"""Edits of a JSON text change what they name, and keep every other character."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lazyimg.registry.keychains.json_edit import remove_member, set_member

KEYS = st.sampled_from(["auths", "a", "b", 'q"\\', "é"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
FORMS = st.sampled_from(
    [{"indent": None}, {"indent": "\t"}, {"indent": 2, "ensure_ascii": False}, {"separators": (",", ":")}]
)


@given(OBJECTS, FORMS, KEYS, VALUES)
def test_a_member_is_set_and_taken_away(
    content: dict[str, Any], form: dict[str, Any], key: str, value: Any
) -> None:
    """A new member comes last and goes without a trace; a member that was there keeps its place."""
    text = json.dumps(content, **form)
    changed = set_member(text, [key], value)
    assert list(json.loads(changed).items()) == list({**content, key: value}.items())
    removed = remove_member(changed, [key])
    assert json.loads(removed) == {name: one for name, one in content.items() if name != key}
    if key not in content and content:
        assert removed == text


@given(OBJECTS, FORMS, KEYS, VALUES)
def test_a_member_of_a_member_is_set(
    content: dict[str, Any], form: dict[str, Any], key: str, value: Any
) -> None:
    """Objects on the way are entered, or made where they are missing."""
    if not isinstance(content.setdefault("auths", {}), dict):
        content["auths"] = {}
    inner: dict[str, Any] = content["auths"]
    changed = set_member(json.dumps(content, **form), ["auths", key], value)
    assert json.loads(changed) == {**content, "auths": {**inner, key: value}}
    without = {name: one for name, one in inner.items() if name != key}
    assert json.loads(remove_member(changed, ["auths", key])) == {**content, "auths": without}


def test_spelling_and_spacing_stay() -> None:
    """Numbers, escapes, spaces and a mark of the byte order are not written anew."""
    text = '\ufeff {"x" : 1.50e3 ,\r\n "auths" : { } , "y":"\\u0041"  }\n'
    assert json.loads(set_member(text, ["auths", "a"], 1)[1:])["auths"] == {"a": 1}
    assert (
        remove_member(set_member(text, ["auths", "a"], 1), ["auths", "a"]).split()
        == text.replace("{ }", "{}").split()
    )


def test_a_key_that_is_there_twice() -> None:
    """The last counts, as for parsers; a removal leaves none."""
    text = '{"a": 1, "b": 2, "a": 3}'
    assert set_member(text, ["a"], 4) == '{"a": 1, "b": 2, "a": 4}'
    assert remove_member(text, ["a"]) == '{"b": 2}'
    assert remove_member(text, ["c", "d"]) == text
    assert set_member("{}", ["c", "d"], 1) == '{\n\t"c": {\n\t\t"d": 1\n\t}\n}'
