"""Events and commands as they look on a working day. ``python -m tests.contracts.examples`` adds files for new ones.

Where ``golden/`` has every field of every type, these have what people write: every kind of content, every kind of
news from a channel, and the way of one customer from the first word to a merged contact.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from contracts import commands, content, events, ids, inbound
from contracts.agent import Agent, AgentState, Presence
from contracts.attachment import Attachment
from contracts.codec import encode, to_json
from contracts.contact import Contact, ConversationRef, Link
from contracts.conversation import Context
from contracts.decision import Considered, Decision
from contracts.identity import Claims, Identity, Profile, ReplyContext
from contracts.message import Message, Problem, Reacted
from contracts.policy import ChannelClass, Match, Policy, Queue, Rule

FOLDER: Final = Path(__file__).parent / "examples"
AT: Final = datetime(2026, 11, 21, 0, 30, 0, 123_000, tzinfo=UTC)
CONTACT: Final = "ct_07_1mq4x9k2ab0"
CONVERSATION: Final = "cv_07_1mq4x9k2ab0"
MESSAGE: Final = ids.message_id("honten", "468789577898262530")
LINE: Final = "U4af4980629f2a1f6b0f3cde0e8d1a2b3"


@dataclass(frozen=True)
class Example:
    """One of them, by the name of its files."""

    name: str
    value: Any

    @property
    def hex(self) -> Path:
        """Its bytes on a stream, in hexadecimal digits."""
        return FOLDER / f"{self.name}.hex"

    @property
    def json(self) -> Path:
        """The same for people, as it leaves over HTTP."""
        return FOLDER / f"{self.name}.json"


def rendered(value: Any) -> str:
    """The JSON of a value, indented."""
    return msgspec.json.format(to_json(value), indent=2).decode() + "\n"


def examples() -> list[Example]:
    """All of them."""
    found = [Example(f"event.message.received.{part.__struct_config__.tag}", received(part)) for part in parts()]
    found += [Example(f"command.receive.{news.__struct_config__.tag}", receive(news)) for news in all_news()]
    found += [Example(f"event.{one.__struct_config__.tag}", one) for one in story()]
    found += [Example(f"command.{one.__struct_config__.tag}", one) for one in asked()]
    return found


def add() -> None:
    """Writes what is missing; never changes a file."""
    FOLDER.mkdir(exist_ok=True)
    for one in examples():
        if not one.hex.exists():
            one.hex.write_text(encode(one.value).hex() + "\n")
            one.json.write_text(rendered(one.value))


# -- content ---------------------------------------------------------------------------------------------------------


def attachment(name: str, media_type: str, size: int) -> Attachment:
    return Attachment(
        ids.attachment_id(MESSAGE, 0),
        name,
        media_type,
        size,
        sha256=ids.digest(name) * 2,
        state="ready",
        source="468789",
    )


def parts() -> list[Any]:
    """One of each kind of content."""
    return [
        content.Text("はじめまして。髙橋と申します🙇‍♂️\n先週買った電気ケトルの蓋が閉まりません。", quoted="> 㐂び"),
        content.Image(attachment("蓋.jpg", "image/jpeg", 482_113), "この部分です"),
        content.Audio(attachment("音.m4a", "audio/mp4", 60_000), 6_500),
        content.Video(attachment("動画.mp4", "video/mp4", 9_400_000), 12_000, "湯が漏れる様子"),
        content.File(attachment("領収書_令和8年11月.pdf", "application/pdf", 70_020)),
        content.Location(35.681236, 139.767125, "東京駅", "東京都千代田区丸の内一丁目"),
        content.ContactCard("髙橋 花子", ("+819012345678",), ("hanako@example.jp",)),
        content.Sticker("446", "1988", "ありがとう", ("感謝", "ぺこり")),
        content.Choice(
            "修理と交換のどちらをご希望ですか?", (content.Option("修理", "repair"), content.Option("交換", "swap"))
        ),
        content.Postback("swap", "交換", {"datetime": "2026-11-28T10:00"}),
        content.Reaction(MESSAGE, "👍🏽"),
        content.Template("order_shipped", "ja", {"名前": "髙橋", "番号": "1234-5678"}),
        content.Call("ended", 245, attachment("通話.ogg", "audio/ogg", 990_000), "もしもし、蓋の件ですが。"),
        content.Unsupported("line.flex"),
    ]  # fmt: skip


def received(*said: Any) -> events.MessageReceived:
    message = Message(
        MESSAGE, CONVERSATION, CONTACT, 2, "inbound", "line", "honten", LINE, said, AT,
        sent_at=AT - timedelta(milliseconds=873), language="ja", provider_id="468789577898262530",
        raw="c:07/1795221000123-0",
    )  # fmt: skip
    return events.MessageReceived(
        id="ev_07_1mq1", at=AT, conversation=CONVERSATION, contact=CONTACT, seq=2, message=message
    )


# -- what channels report --------------------------------------------------------------------------------------------


def sender() -> inbound.Sender:
    return inbound.Sender(LINE, verified=True, profile=Profile("髙橋🌸", "ja", status="元気です"))


def all_news() -> list[Any]:
    """One of each kind."""
    reply = ReplyContext("nHuyWiB7yP5Zw52FIkcQobQuGDXCTA", AT + timedelta(minutes=1))
    return [
        inbound.InboundMessage(
            "468789577898262530", sender(), (content.Text("蓋が…"),), AT, language="ja", reply=reply
        ),
        inbound.InboundEdit("468789577898262530", sender(), (content.Text("蓋が閉まりません。"),), AT),
        inbound.InboundUnsend("468789577898262530", sender(), AT),
        inbound.InboundReaction("468789577898262530", sender(), "❤️", sent_at=AT),
        inbound.InboundReceipt(sender(), "read", message=MESSAGE, upto=AT),
        inbound.InboundIdentity(sender(), False, "unfollow", sent_at=AT),
        inbound.InboundTyping(sender()),
        inbound.InboundCall("CA1", sender(), "answered", "hanako", sent_at=AT),
    ]


def receive(news: Any) -> commands.Receive:
    return commands.Receive(channel="line", account="honten", channel_class="social", event=news)


# -- from the first word to a merged contact ---------------------------------------------------------------------------


def identity() -> Identity:
    return Identity("line", "honten", LINE, CONTACT, verified=True, profile=Profile("髙橋🌸", "ja"), created_at=AT)


def person() -> Contact:
    claims = Claims(email="takahashi@example.jp", email_verified=True, phone="+819012345678")
    link = Link(AT, "linked", "customer", "handover code", identity=f"line:honten:{LINE}")
    reference = ConversationRef(CONVERSATION, "open", "電気ケトル", AT, AT, "aoi")
    return Contact(
        CONTACT, AT, "髙橋 一郎", "ja", claims, Profile("髙橋🌸"), (identity(),), (reference,), ("aoi",), ("常連",),
        {"会員番号": "A-1024"}, (link,),
    )  # fmt: skip


def decision() -> Decision:
    considered = (Considered("aoi", None, 80, 312), Considered("ren", "no_capacity", 10), Considered("mei", "away"))
    return Decision(
        "dc_1", AT, CONVERSATION, "assigned", "work_arrived", "家電", "2026-11", "家電の言葉", 10, "aoi",
        "longest_idle", 20, 3, None, considered, {"eligible": 1, "no_capacity": 1, "away": 1},
    )  # fmt: skip


def story() -> list[Any]:
    """Events other than messages received."""
    here: dict[str, Any] = {"at": AT, "conversation": CONVERSATION, "contact": CONTACT}
    refused = Problem("window_closed", "24時間の返信期限が過ぎています。", fault="customer", code="470")
    context = Context(person(), (received(content.Text("蓋が閉まりません。")).message,), (), ("ren",), AT, ("返品",))
    agent = AgentState(
        Agent("aoi", "青井 葵", ("家電",), skills={"家電": 5}), Presence("online", True, AT), 20, (CONVERSATION,)
    )
    return [
        events.ConversationOpened(id="e1", seq=1, channel="line", account="honten", language="ja", **here),
        events.ConversationAssigned(
            id="e3", seq=3, agent="aoi", queue="家電", context=context, decision=decision(), waited_ms=3_120, **here
        ),
        events.ConversationStatusChanged(id="e4", seq=4, status="snoozed", previous="open", until=AT, by="aoi", **here),
        events.MessageFailed(id="e5", seq=5, message_id=MESSAGE, state="failed", problem=refused, attempt=3, **here),
        events.MessageReacted(id="e6", seq=6, message_id=MESSAGE, reaction=Reacted(LINE, "👍🏽", AT), **here),
        events.ContactUpdated(id="e7", at=AT, contact=CONTACT, person=person(), by="aoi"),
        events.ContactMerged(id="e8", at=AT, contact=CONTACT, merged="ct_02_9z", why="同じメールアドレス"),
        events.DecisionMade(id="e9", at=AT, conversation=CONVERSATION, agent="aoi", decision=decision()),
        events.AgentChanged(id="e10", at=AT, agent="aoi", state=agent),
        events.PolicyPublished(id="e11", at=AT, policy=policy(), by="店長"),
        events.CommandDone(id="e12", at=AT, cause="cm_1", command="cm_1", problem=refused),
    ]


def policy() -> Policy:
    rule = Rule("家電の言葉", Match(channels=("line", "email"), words=("ケトル", "炊飯器")), "家電", 10, ("家電",))
    return Policy("2026-11", (Queue("家電", auto_accept=True),), (rule,), "家電", {"social": ChannelClass(20, 5)})


def asked() -> list[Any]:
    """Commands other than those of channels."""
    receive_code = receive(inbound.InboundMessage("1", sender(), (content.Text("K7Q2-M9"),), handover="K7Q2-M9"))
    receive_proved = receive(inbound.InboundMessage("2", sender(), (content.Text("私です。"),)))
    return [
        commands.SendMessage(
            id="cm_2", by="aoi", conversation=CONVERSATION, message="ms_2",
            parts=(content.Text("ご不便をおかけしております。"),), channel="line",
            extra={"line": {"notificationDisabled": True}},
        ),
        commands.RedeemHandover(contact=CONTACT, nonce="K7Q2", receive=receive_code, previous="ct_02_9z"),
        commands.ResolveClaim(claim="email:ichiro@example.jp", contact="ct_05_9zi03", receive=receive_proved),
        commands.UpdateContact(id="cm_3", by="aoi", contact=CONTACT, name="髙橋 一郎", attributes={"会員番号": None}),
        commands.RequestAgent(
            conversation=CONVERSATION, waiting_since=AT,
            facts=commands.Facts("line", "honten", "social", CONTACT, "ja", "蓋が閉まりません。", ("常連",), "aoi"),
        ),
        commands.PublishPolicy(id="cm_4", by="店長", policy=policy()),
    ]  # fmt: skip


if __name__ == "__main__":
    add()
