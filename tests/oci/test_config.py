"""Configs are edited field by field, and lose nothing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.errors import InvalidDigest, InvalidDocument, LazyImgError
from lazyimg.oci.config import ConfigFile, History, format_time
from lazyimg.oci.digest import Digest
from lazyimg.oci.platform import Platform
from lazyimg.oci.timestamp import read_time

ONE, TWO = Digest.of(b"1"), Digest.of(b"2")
DOCKER = (
    b'{"architecture":"amd64","config":{"Hostname":"","Env":["PATH=/bin","A=\\u003c"],"Cmd":null,"Labels":null,'
    b'"OnBuild":null},"created":"2024-05-06T07:08:09.123456789Z","history":[{"created":"2024-05-06T07:08:09.1Z",'
    b'"created_by":"a \\u0026\\u0026 b","x":1},{"empty_layer":true}],"os":"linux",'
    b'"rootfs":{"type":"layers","diff_ids":["%b"]},"docker_version":"1.0"}'
) % ONE.encode()
OFFSETS = st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
MOMENT = datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)


class Autumn(tzinfo):
    """A zone in which clocks were just set back: each hour comes twice, told apart by its fold."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=-5 if moment and moment.fold else -4)

    def dst(self, moment: datetime | None) -> timedelta:
        return timedelta(hours=0 if moment and moment.fold else 1)

    def tzname(self, _moment: datetime | None) -> str:
        return "autumn"


def test_a_config_is_read() -> None:
    """Each field has its value; what is absent or null is None or empty."""
    config = ConfigFile.parse(DOCKER)
    assert (config.architecture, config.os, config.variant, config.author) == ("amd64", "linux", None, None)
    assert config.platform == Platform(os="linux", architecture="amd64")
    assert config.created == MOMENT
    assert config.diff_ids == (ONE,)
    first = History(created=datetime(2024, 5, 6, 7, 8, 9, 100000, tzinfo=UTC), created_by="a && b")
    assert [entry.created_by for entry in config.history] == ["a && b", None]
    assert config.history[1] == History(empty_layer=True)
    assert config.history[0] != first
    assert config.history[0].created == first.created
    assert config.to_bytes() is DOCKER


def test_an_empty_config_is_read() -> None:
    """A config without fields has empty values."""
    config = ConfigFile.parse(b"{}")
    assert (config.architecture, config.os, config.os_version, config.os_features) == ("", "", None, ())
    assert (config.created, config.history, config.diff_ids) == (None, (), ())


def test_setting_equal_values_keeps_the_bytes() -> None:
    """Every edit to the value that is there gives the very same config."""
    config = ConfigFile.parse(DOCKER)
    same = (
        config.with_architecture("amd64")
        .with_os("linux")
        .with_variant(None)
        .with_os_version(None)
        .with_os_features(())
        .with_os_features(None)
        .with_platform(config.platform)
        .with_created(config.created)
        .with_author(None)
        .with_history(config.history)
        .with_history_appended()
        .with_diff_ids([ONE])
        .with_diff_ids_appended()
        .with_env(config.env)
        .with_env_changes({"A": "<", "B": None})
        .with_entrypoint(None)
        .with_cmd(config.cmd)
        .with_labels({})
        .with_labels(None)
        .with_labels_changes({"a": None})
        .with_exposed_ports(())
        .with_volumes(None)
        .with_healthcheck(config.healthcheck)
        .with_container("Hostname", "")
    )
    assert same is config


def test_one_edit_changes_one_field() -> None:
    """What was not edited keeps its place and its text."""
    config = ConfigFile.parse(DOCKER)
    assert config.with_author("me").to_bytes() == DOCKER.replace(
        b'123456789Z","history"', b'123456789Z","author":"me","history"'
    )
    assert config.with_env_changes({"PATH": "/usr/bin"}).to_bytes() == DOCKER.replace(b"=/bin", b"=/usr/bin")
    assert config.with_labels_changes({"a": "<"}).to_bytes() == DOCKER.replace(
        b'"Labels":null', b'"Labels":{"a":"<"}'
    )
    more = config.with_history_appended(History(created_by="c"))
    assert more.to_bytes() == DOCKER.replace(b"true}]", b'true},{"created_by":"c"}]')
    assert more.with_history([*more.history[:2]]) == config
    assert config.with_diff_ids_appended(TWO).diff_ids == (ONE, TWO)
    assert config.with_diff_ids_appended(TWO).with_diff_ids([ONE]) == config


def test_created_is_kept_set_and_removed() -> None:
    """A time that is absent stays absent, an equal one keeps its nanoseconds, another is written short."""
    config = ConfigFile.parse(DOCKER)
    assert config.with_created(MOMENT.astimezone(timezone(timedelta(hours=2)))) is config
    again = config.with_created(datetime(2010, 11, 7, 1, tzinfo=Autumn()))
    assert again.with_created(datetime(2010, 11, 7, 1, tzinfo=Autumn())) is again
    assert (
        b'"created":"2024-01-01T00:00:00Z"'
        in config.with_created(datetime(2024, 1, 1, tzinfo=UTC)).to_bytes()
    )
    assert "created" not in config.with_created(None)
    bare = config.with_created(None)
    assert bare.with_created(None) is bare
    with pytest.raises(InvalidDocument, match="has no time zone"):
        config.with_created(datetime(2024, 1, 1))  # noqa: DTZ001  # the mistake itself


def test_a_broken_field_can_be_mended() -> None:
    """A config whose time is no time is refused when asked for it, and can be given another."""
    config = ConfigFile.parse(b'{"created":"yesterday"}')
    with pytest.raises(InvalidDocument, match=r"config.created is no RFC 3339 time: 'yesterday'"):
        _ = config.created
    assert config.with_created(MOMENT).created == MOMENT
    assert config.with_created(None).to_bytes() == b"{}"


def test_a_new_config_is_written_as_go_writes_it() -> None:
    """A config made of nothing has the specification's order, no time, and an empty list of layers."""
    config = ConfigFile.new(architecture="arm64", os="linux", variant="v8")
    assert config.to_bytes() == (
        b'{"architecture":"arm64","os":"linux","variant":"v8","config":{},"rootfs":{"type":"layers","diff_ids":[]}}'
    )
    full = (
        config.with_history([History(comment="x")])
        .with_author("me")
        .with_created(MOMENT)
        .with_platform(
            Platform(os="windows", architecture="amd64", os_version="10.0", os_features=("win32k",))
        )
    )
    assert list(full.value) == [*ConfigFile.ORDER[:6], "config", "rootfs", "history"]
    assert str(full.platform) == "windows/amd64:10.0"
    assert full.os_features == ("win32k",)


def test_rootfs_is_made_where_it_is_missing() -> None:
    """Layers given to a config without rootfs make one, of type layers."""
    rootfs = b'{"rootfs":{"type":"layers","diff_ids":["%b"]}}' % ONE.encode()
    assert ConfigFile.parse(b"{}").with_diff_ids([ONE]).to_bytes() == rootfs
    assert ConfigFile.parse(b'{"rootfs":null}').with_diff_ids_appended(ONE).to_bytes() == rootfs
    assert ConfigFile.parse(b"{}").with_diff_ids([ONE]).with_diff_ids([]).diff_ids == ()
    with pytest.raises(InvalidDigest):
        ConfigFile.parse(b"{}").with_diff_ids(["sha256:0"])


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        (b'{"os":1}', "os", "config.os must be a text, not a number"),
        (b'{"os.features":[1]}', "platform", r"config.os.features\[0\] must be a text"),
        (b'{"history":{}}', "history", "config.history must be a list, not an object"),
        (b'{"history":[1]}', "history", r"config.history\[0\] must be an object, not a number"),
        (b'{"history":[{"empty_layer":1}]}', "history", r"history\[0\].empty_layer must be a boolean"),
        (b'{"history":[{"created":""}]}', "history", r"history\[0\].created is no RFC 3339 time"),
        (b'{"rootfs":[]}', "diff_ids", "config.rootfs must be an object, not a list"),
        (b'{"rootfs":{"type":"layers","diff_ids":["x"]}}', "diff_ids", r"diff_ids\[0\]: 'x' is no digest"),
        (b'{"rootfs":{"type":"disk"}}', "diff_ids", "config.rootfs.type must be 'layers', not 'disk'"),
        (b'{"config":[]}', "env", "config.config must be an object, not a list"),
        (b'{"config":{"Env":"A=1"}}', "env", "config.Env must be a list, not a text"),
        (b'{"config":{"Labels":{"a":null}}}', "labels", r"config.Labels\['a'\] must be a text, not null"),
        (b'{"config":{"Volumes":["a"]}}', "volumes", "config.Volumes must be an object, not a list"),
        (b'{"config":{"User":1000}}', "user", "config.User must be a text, not a number"),
        (b'{"config":{"Cmd":"sh"}}', "cmd", "config.Cmd must be a list, not a text"),
    ],
)
def test_a_broken_field_is_named_when_asked_for(data: bytes, field: str, words: str) -> None:
    """A mistyped field is refused, with its place, by whoever asks for it."""
    config = ConfigFile.parse(data)
    with pytest.raises(InvalidDocument, match=words):
        getattr(config, field)


def test_long_configs_are_refused() -> None:
    """More than 8 MiB are refused before they are read."""
    with pytest.raises(InvalidDocument, match="more than 8388608 are refused"):
        ConfigFile.parse(b" " * (8 * 1024 * 1024 + 1))


def test_history_is_a_value(pickled: Callable[[Any], Any]) -> None:
    """An entry is read, written as it was, and refuses a time without a zone."""
    members = {"x": 1, "created": "2024-05-06T07:08:09.123456789+02:00", "empty_layer": False, "author": None}
    entry = History.from_json(members)
    assert entry.created == datetime(2024, 5, 6, 5, 8, 9, 123456, tzinfo=UTC)
    assert list(entry.to_json().items()) == list(members.items())
    assert pickled(entry) == entry
    assert entry.replace(author="me").to_json() == {**members, "author": "me"}
    assert entry.replace(created=None).to_json().get("created") is None
    assert History(created=MOMENT).to_json() == {"created": "2024-05-06T07:08:09.123456Z"}
    with pytest.raises(InvalidDocument, match="has no time zone"):
        History(created=datetime(2024, 1, 1))  # noqa: DTZ001  # the mistake itself


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-01T00:00:00Z", datetime(2024, 1, 1, tzinfo=UTC)),
        ("2024-01-01t01:00:00.5+01:00", datetime(2024, 1, 1, 0, 0, 0, 500000, tzinfo=UTC)),
        ("2023-12-31T19:30:00-04:30", datetime(2024, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00z", datetime(1, 1, 1, tzinfo=UTC)),
        ("2024-01-01T00:00:00.0000001Z", datetime(2024, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_are_read(text: str, moment: datetime) -> None:
    """Every form of RFC 3339 is read as its moment in UTC."""
    assert read_time(text, "t") == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01 00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2024-01-01T24:00:01Z",
        "2016-12-31T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00Z\n",
        "\u0662024-01-01T00:00:00Z",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    """Other forms, and moments no calendar has, are refused."""
    with pytest.raises(InvalidDocument, match=r"is no (RFC 3339 time|moment of the calendar)"):
        read_time(text, "t")


@given(st.datetimes(timezones=OFFSETS))
def test_times_are_written_in_utc_and_read_back(moment: datetime) -> None:
    """A moment is written in UTC, short, and reads back as itself; or is outside of the calendar in UTC."""
    try:
        text = format_time(moment)
    except InvalidDocument as error:
        assert moment.year in {1, 9999}, error  # noqa: PT017  # both ends are right
        return
    assert text.endswith("Z")
    assert not text.endswith("0Z") or "." not in text
    assert read_time(text, "t") == moment.astimezone(UTC)


def test_a_moment_outside_of_the_calendar_is_not_written() -> None:
    """A moment that has no year in UTC is refused."""
    with pytest.raises(InvalidDocument, match="outside of years 1 to 9999"):
        format_time(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["Env", "Cmd", "Labels", "User", "Volumes", "type", "diff_ids", "created", "x"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
PROPERTIES = [
    *(
        "architecture",
        "os",
        "variant",
        "os_version",
        "os_features",
        "platform",
        "created",
        "author",
        "history",
    ),
    *(
        "diff_ids",
        "env",
        "environment",
        "entrypoint",
        "cmd",
        "user",
        "working_dir",
        "labels",
        "exposed_ports",
    ),
    *("volumes", "stop_signal", "healthcheck"),
]


@given(st.dictionaries(st.sampled_from([*ConfigFile.ORDER, "x"]), JSON))
def test_reading_is_total(members: dict[str, Any]) -> None:
    """Of any JSON object, every property is a value or an error of ours, and the bytes are kept."""
    data = json.dumps(members).encode()
    config = ConfigFile.parse(data)
    for name in PROPERTIES:
        try:
            getattr(config, name)
        except LazyImgError:
            continue
    assert config.to_bytes() == data
    if isinstance(members.get("config"), dict | None):
        assert config.with_container("User", "me").user == "me"
