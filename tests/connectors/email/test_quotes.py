"""What is cut off a reply, and what never is."""

from __future__ import annotations

import pytest

from connectors.email.quotes import DELIMITER, cut_history

HISTORY = [
    # the six Japanese shapes
    "2026年9月14日(月) 10:00 山田太郎 <a@b.example>:\n> 前の話\n> です",
    "2026年9月14日(月) 10:00 とても長い名前の会社のカスタマーサポート窓口\n<support@b.example>:\n> 前の話",
    "2026/09/14 10:00、山田太郎 <a@b.example>のメール:\n\n> 前の話",
    "2026/09/14 10:00、山田太郎 <a@b.example>のメッセージ:\n\n> 前の話",
    "________________________________\n差出人: 山田 <a@b.example>\n送信日時: 9月14日 10:00\n宛先: x\n\n前の話",
    "差出人: 山田 <a@b.example>\n送信日時: 2026年9月14日 10:00\n宛先: x <x@y.example>\n件名: y\n\n前の話",
    f"{DELIMITER}\n前の話",
    "2026/09/14 10:00, 山田太郎 wrote:\n> 前の話",
    "-----元のメッセージ-----\n前の話",
    # English and others
    "On Mon, Sep 14, 2026 at 10:00 AM Taro <a@b.example> wrote:\n> before",
    "On Mon, Sep 14, 2026 at 10:00 AM A Very Long Name Indeed\n<a@b.example> wrote:\n> before",
    "-----Original Message-----\nFrom: x\nbefore",
    "________________________________\nFrom: x\nSent: y\nTo: z\nSubject: w\n\nbefore",
    "From: x <x@y.example>\nSent: Monday\nTo: z\nSubject: w\n\nbefore",
    "*From:* x <x@y.example>\n*Sent:* Monday\n*To:* z\n*Subject:* w\n\nbefore",
    "Am 14.09.2026 um 10:00 schrieb Taro <a@b.example>:\n> vorher",
    "> only the\n> quoted lines\n\n> of before",
]
KEPT = [
    "件名: 納品について\nよろしくお願いします",
    "From: 東京\nTo: 大阪\nで切符をお願いします",
    "2026年9月14日 10:00 に伺います:\nよろしくお願いします",
    "> 引用だけ",
    "On the other hand, he wrote: nothing",
    "--\n山田",
    "一 > 二\n\n本文",
    "",
]


@pytest.mark.parametrize("history", HISTORY)
def test_history_is_cut_and_kept_whole(history: str) -> None:
    words, quoted = cut_history(f"承知しました。\n\nよろしく\n\n{history}")
    assert words == "承知しました。\n\nよろしく"
    assert quoted == history


@pytest.mark.parametrize("history", HISTORY)
def test_everything_is_never_cut(history: str) -> None:
    assert cut_history(history) == (history, None)


@pytest.mark.parametrize("text", KEPT)
def test_what_only_looks_like_history_stays(text: str) -> None:
    assert cut_history(text) == (text, None)


def test_answers_between_quoted_lines_stay() -> None:
    text = "> 質問1\n答え1\n> 質問2\n答え2"
    assert cut_history(text) == (text, None)


def test_cutting_is_linear() -> None:
    for line in ("> x\n", "From: x\n", "2026年9月14日 10:00 \n", "_" * 30 + "\n", "On a wrote\n", "x" * 399 + "\n"):
        cut_history(line * 20_000)
