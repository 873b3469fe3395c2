"""The config as a thunk."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import frozen

import lazyimg as li
from lazyimg.errors import InvalidDocument
from lazyimg.state.config import CONFIG_LIMIT, DeclaredDiffId, EditedConfig, KnownConfig

CONFIG = li.ConfigFile.new(architecture="arm64").with_diff_ids([li.Digest.of(b"a"), li.Digest.of(b"b")])
DATA = CONFIG.to_bytes()


@frozen
class User:
    """Sets the user."""

    name: str

    def edit(self, config: li.ConfigFile) -> li.ConfigFile:
        return config.with_user(self.name)


def force(thunk: Any) -> Any:
    return li.Engine().force(thunk)


def test_a_config_at_hand_is_parsed() -> None:
    """Its bytes are kept."""
    assert force(KnownConfig(DATA)).to_bytes() == DATA
    with pytest.raises(InvalidDocument):
        force(KnownConfig(b"nonsense"))


def test_a_layer_s_diff_id_is_looked_up_by_its_place() -> None:
    """The lowest layer is the first."""
    known = KnownConfig(DATA)
    assert [force(DeclaredDiffId(known, at, 2)) for at in (0, 1)] == list(CONFIG.diff_ids)


@pytest.mark.parametrize("layers", [1, 3])
def test_a_config_of_another_number_of_layers_tells_none(layers: int) -> None:
    """Which is which cannot be known."""
    with pytest.raises(InvalidDocument, match=rf"lists {layers} layers but rootfs\.diff_ids of its config 2"):
        force(DeclaredDiffId(KnownConfig(DATA), 0, layers))


def test_edits_are_applied_in_their_order() -> None:
    """Each to what the one before gave."""
    edited = EditedConfig(EditedConfig(KnownConfig(DATA), User("1")), User("2"))
    assert force(edited).user == "2"
    assert edited != EditedConfig(EditedConfig(KnownConfig(DATA), User("2")), User("1"))
    assert CONFIG_LIMIT == 8 << 20
