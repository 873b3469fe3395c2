"""How a container is run: each field is kept, set or removed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.errors import InvalidDocument
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.environment import changed_environment, environment

EMPTY = ConfigFile.new(architecture="amd64")


def container(config: ConfigFile) -> Any:
    """Return the config object as it is written."""
    return json.loads(config.to_bytes()).get("config")


@pytest.mark.parametrize(
    ("setter", "field", "key", "value", "written"),
    [
        ("with_env", "env", "Env", ("A=1", "B"), ["A=1", "B"]),
        ("with_entrypoint", "entrypoint", "Entrypoint", ("sh", "-c"), ["sh", "-c"]),
        ("with_cmd", "cmd", "Cmd", ("x",), ["x"]),
        ("with_user", "user", "User", "1000:1000", "1000:1000"),
        ("with_user", "user", "User", "", ""),
        ("with_working_dir", "working_dir", "WorkingDir", "/app", "/app"),
        ("with_labels", "labels", "Labels", {"b": "1", "a": "2"}, {"b": "1", "a": "2"}),
        (
            "with_exposed_ports",
            "exposed_ports",
            "ExposedPorts",
            ("443/tcp", "80/tcp"),
            {"443/tcp": {}, "80/tcp": {}},
        ),
        ("with_volumes", "volumes", "Volumes", ("/data",), {"/data": {}}),
        ("with_stop_signal", "stop_signal", "StopSignal", "SIGINT", "SIGINT"),
        (
            "with_healthcheck",
            "healthcheck",
            "Healthcheck",
            {"Test": ["CMD", "x"], "Interval": 30_000_000_000},
            {"Test": ["CMD", "x"], "Interval": 30_000_000_000},
        ),
    ],
)
def test_set_keep_and_remove(setter: str, field: str, key: str, value: Any, written: Any) -> None:
    """Setting a field writes it, setting it again changes nothing, None removes it."""
    config = getattr(EMPTY, setter)(value)
    assert container(config) == {key: written}
    assert getattr(config, field) == value
    assert getattr(config, setter)(value) is config
    removed = getattr(config, setter)(None)
    assert container(removed) == {}
    assert getattr(removed, setter)(None) is removed
    assert removed == EMPTY


@pytest.mark.parametrize(
    ("setter", "field"),
    [
        ("with_env", "env"),
        ("with_labels", "labels"),
        ("with_exposed_ports", "exposed_ports"),
        ("with_volumes", "volumes"),
    ],
)
def test_an_empty_value_is_what_an_absent_one_is(setter: str, field: str) -> None:
    """Emptying writes an empty value, never null; where there was none, nothing changes."""
    full = getattr(EMPTY, setter)({"a=b": "c"} if field == "labels" else ["a=b"])
    emptied = getattr(full, setter)({} if field == "labels" else [])
    assert list(container(emptied).values()) in ([[]], [{}])
    assert getattr(emptied, setter)(getattr(EMPTY, field)) is emptied
    assert getattr(EMPTY, setter)(getattr(emptied, field)) is EMPTY


@pytest.mark.parametrize(("setter", "field"), [("with_entrypoint", "entrypoint"), ("with_cmd", "cmd")])
def test_an_empty_command_is_not_an_absent_one(setter: str, field: str) -> None:
    """An empty entrypoint or command is set as an empty list."""
    config = getattr(EMPTY, setter)([])
    assert getattr(config, field) == ()
    assert list(container(config).values()) == [[]]


def test_fields_are_placed_in_the_specifications_order() -> None:
    """New fields stand as Go writes them, whatever the order of the edits."""
    config = EMPTY.with_container("Shell", ["sh"]).with_labels({"a": "1"}).with_cmd(["x"]).with_user("me")
    config = config.with_container("x-unknown", 1).with_env(["A=1"]).with_exposed_ports(["1"])
    assert list(container(config)) == ["User", "ExposedPorts", "Env", "Cmd", "Labels", "Shell", "x-unknown"]


def test_ports_and_volumes_do_not_depend_on_the_order_of_a_set() -> None:
    """Those that were there keep their place and what they hold; new ones come after, sorted."""
    config = ConfigFile.parse(b'{"config":{"ExposedPorts":{"9/tcp":{"x":1},"8/tcp":{}}}}')
    more = config.with_exposed_ports({"9/tcp", "7/tcp", "1/tcp", "2/tcp"})
    assert (
        more.to_bytes() == b'{"config":{"ExposedPorts":{"9/tcp":{"x":1},"1/tcp":{},"2/tcp":{},"7/tcp":{}}}}'
    )


@pytest.mark.parametrize(
    "config", [b"{}", b'{"config":null}', b'{"config":{}}', b'{"config":{"Labels":null}}']
)
def test_a_config_object_is_made_where_it_is_missing(config: bytes) -> None:
    """An edit makes the object or field that is absent or null."""
    edited = ConfigFile.parse(config).with_labels_changes({"a": "1"})
    assert edited.to_bytes() == b'{"config":{"Labels":{"a":"1"}}}'


def test_labels_change_one_by_one() -> None:
    """A change sets or removes its own label; the others keep place and text."""
    config = ConfigFile.parse(b'{"config":{"Labels":{"b":"\\u003c","a":"1","c":"2"}}}')
    edited = config.with_labels_changes({"a": None, "b": "<", "c": "3", "d": "4", "gone": None})
    assert edited.to_bytes() == b'{"config":{"Labels":{"b":"\\u003c","c":"3","d":"4"}}}'
    assert config.with_labels_changes({"b": "<", "x": None}) is config
    assert config.with_labels({"b": "<", "new": "5"}).to_bytes() == (
        b'{"config":{"Labels":{"b":"\\u003c","new":"5"}}}'
    )
    assert (
        config.with_labels_changes({"a": None, "b": None, "c": None}).to_bytes()
        == b'{"config":{"Labels":{}}}'
    )


def test_what_is_no_text_is_refused() -> None:
    """One text for a list of them, or a number for a text, is a mistake and said so."""
    with pytest.raises(InvalidDocument, match=r"write \['python app.py'\]"):
        EMPTY.with_cmd("python app.py")
    with pytest.raises(InvalidDocument, match="User must be a text, not a number"):
        EMPTY.with_user(1000)  # type: ignore[arg-type]  # the mistake itself
    with pytest.raises(InvalidDocument, match="must be a text, not a number"):
        EMPTY.with_labels({"a": 1})  # type: ignore[dict-item]  # the mistake itself
    with pytest.raises(InvalidDocument, match="must be a text"):
        EMPTY.with_labels_changes({"a": 1})  # type: ignore[dict-item]  # the mistake itself
    with pytest.raises(InvalidDocument, match="JSON cannot hold"):
        EMPTY.with_container("x", object())


def test_the_environment_keeps_what_it_does_not_change() -> None:
    """A changed variable stays in its place, a new one comes last, the text of others stays."""
    config = ConfigFile.parse(b'{"config":{"Env":["A=\\u003c","B=1","C"]}}')
    edited = config.with_env_changes({"D": "4", "B": "2", "C": None})
    assert edited.to_bytes() == b'{"config":{"Env":["A=\\u003c","B=2","D=4"]}}'
    assert config.environment == {"A": "<", "B": "1", "C": ""}
    assert config.with_env_changes({"A": "<", "C": ""}) is config


def test_of_a_name_that_appears_twice_the_last_counts() -> None:
    """An equal value leaves both, a new one replaces the one that counts, None removes both."""
    entries = ["A=1", "B=2", "A=3"]
    assert changed_environment(entries, {"A": "3"}) == entries
    assert changed_environment(entries, {"A": "1"}) == ["B=2", "A=1"]
    assert changed_environment(entries, {"A": None}) == ["B=2"]


@pytest.mark.parametrize(
    ("name", "value"), [("", "1"), ("A=B", "1"), ("A\0", "1"), ("A", "1\0"), ("=", None)]
)
def test_what_no_environment_holds_is_refused(name: str, value: str | None) -> None:
    """Empty names, names with '=', and NULs are refused."""
    if value is None:
        assert changed_environment([], {name: value}) == []
        return
    with pytest.raises(InvalidDocument, match="environment variable"):
        EMPTY.with_env_changes({name: value})


def test_a_value_of_the_environment_is_a_text() -> None:
    """A number as a value is a mistake and said so."""
    with pytest.raises(InvalidDocument, match="must be a text"):
        EMPTY.with_env_changes({"A": 1})  # type: ignore[dict-item]  # the mistake itself


NAMES = st.sampled_from(["A", "B", "C", "D"])
VALUES = st.sampled_from(["", "1", "x=y"])
ENTRIES = st.lists(st.one_of(NAMES, st.builds("{}={}".format, NAMES, VALUES)), max_size=8)


@given(ENTRIES, st.dictionaries(NAMES, st.one_of(st.none(), VALUES)))
def test_changes_are_what_the_container_sees(entries: list[str], changes: dict[str, str | None]) -> None:
    """After a change the variables are the old ones with the changes, and others kept order and text."""
    changed = changed_environment(entries, changes)
    wanted = {**environment(entries), **changes}
    assert environment(changed) == {name: value for name, value in wanted.items() if value is not None}

    def others(texts: list[str]) -> list[str]:
        return [text for text in texts if text.partition("=")[0] not in changes]

    assert others(changed) == others(entries)
    assert changed_environment(changed, changes) == changed
