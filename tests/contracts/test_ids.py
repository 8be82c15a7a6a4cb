"""Identifiers: they name their shard, stay the same, and do not run into each other."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from contracts import ids

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\x00:"), min_size=1)
ANYTHING = st.text(st.characters())
"""Half surrogate pairs and NUL among it: provider ids are what they are."""


@seed(1)
@given(st.sampled_from([ids.CONTACT, ids.CONVERSATION]), st.integers(0, 999), st.integers(0, 2**42), st.integers(0, 99))
def test_an_id_names_its_shard(kind: str, shard: int, milliseconds: int, position: int) -> None:
    made = ids.in_shard(kind, shard, ids.entry_suffix(f"{milliseconds}-{position}", position))
    assert ids.shard_of(made) == shard
    assert made.isascii()


@pytest.mark.parametrize(
    "text",
    ["", "ct", "ct_", "ct_07", "ct_07_", "ct__x", "ct_x_y", "ct_-1_x", "ct_٣_x", "ct_1.0_x", "ms_07_x", " ct_07_x"],
)
def test_what_is_no_id_is_told(text: str) -> None:
    with pytest.raises(ids.IdError, match="look like ct_07"):
        ids.shard_of(text)


@seed(1)
@given(ANYTHING)
def test_anything_is_an_id_or_an_id_error(text: str) -> None:
    with contextlib.suppress(ids.IdError):
        assert ids.shard_of(text) >= 0


def test_a_message_id_is_the_same_for_ever() -> None:
    assert ids.message_id("honten", "468789577898262530") == "ms_d9fda6fb357a678b81783c46ecd14613"
    assert ids.message_id("本店", "<20261121@example.jp>") == "ms_e181fa0411b79ed4fbf91ebd9cb17eab"


@seed(1)
@given(NAMES, ANYTHING, NAMES, ANYTHING)
def test_two_messages_have_two_ids(account: str, provider_id: str, other: str, other_id: str) -> None:
    same = (account, provider_id) == (other, other_id)
    assert (ids.message_id(account, provider_id) == ids.message_id(other, other_id)) is same


@seed(1)
@given(NAMES, st.integers(1, 20), ANYTHING)
def test_parts_do_not_run_into_each_other(account: str, cut: int, rest: str) -> None:
    text = account + rest
    head, tail = text[:cut], text[cut:]
    if head != account and "\x00" not in text:
        assert ids.message_id(account, rest) != ids.message_id(head, tail)


@seed(1)
@given(NAMES, NAMES, ANYTHING, NAMES, NAMES, ANYTHING)
def test_two_identities_have_two_keys(c1: str, a1: str, d1: str, c2: str, a2: str, d2: str) -> None:
    same = (c1, a1, d1) == (c2, a2, d2)
    assert (ids.identity_key(c1, a1, d1) == ids.identity_key(c2, a2, d2)) is same


@seed(1)
@given(ANYTHING, st.integers(1, 1_000))
def test_every_text_has_a_shard(text: str, shards: int) -> None:
    assert 0 <= ids.shard_for(text, shards) < shards
    assert ids.shard_for(text, shards) == ids.shard_for(text, shards)


def test_identities_spread_over_the_shards() -> None:
    counts = [0] * 16
    for number in range(16_000):
        counts[ids.shard_for(f"line:honten:U{number:032x}", 16)] += 1
    assert min(counts) > 850
    assert max(counts) < 1_150


def test_suffixes_of_one_stream_differ() -> None:
    made = [ids.entry_suffix(f"1795000000{ms:03d}-{n}", at) for ms in range(30) for n in range(30) for at in range(3)]
    assert len(set(made)) == len(made)


def test_suffixes_of_the_same_length_sort_by_time() -> None:
    made = [ids.entry_suffix(f"{1_795_000_000_000 + step}-0") for step in range(0, 10**6, 997)]
    assert all(one < next_one for one, next_one in pairwise(made))
