"""Hand-over codes are found wherever a channel has them."""

from __future__ import annotations

from typing import Any

import pytest

from contracts.content import Sticker, Text
from contracts.inbound import InboundIdentity, InboundMessage, InboundTyping, Sender
from router.edge.publish import find_code

WHO = Sender("U1")


def says(text: str, **more: Any) -> InboundMessage:
    """A message of these words."""
    return InboundMessage("1", WHO, (Text(text),), **more)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (says("MG-7K3F-9Q2M"), "MG-7K3F-9Q2M"),
        (says("こちらです: mg-7k3f-9q2m よろしく"), "MG-7K3F-9Q2M"),
        (says("ＭＧ－７Ｋ３Ｆ－９Ｑ２Ｍ"), "MG-7K3F-9Q2M"),
        (says("MG7K3F9Q2M"), "MG-7K3F-9Q2M"),
        (says("MG-7K3F"), None),
        (says("a-b MGM-7K3F-9Q2M"), None),
        (says("MG-7K3I-9Q2M"), None),
        (says("hello", handover="MG-7K3F-9Q2M"), "MG-7K3F-9Q2M"),
        (says("MG-AAAA-BBBB", handover="a token of some length"), None),
        (InboundIdentity(WHO, handover="mg-7k3f-9q2m"), "MG-7K3F-9Q2M"),
        (InboundIdentity(WHO), None),
        (InboundMessage("1", WHO, (Sticker("1", "2"),)), None),
        (InboundTyping(WHO), None),
    ],
)
def test_codes_are_found_in_one_spelling(event: Any, code: str | None) -> None:
    assert find_code(event) == code
