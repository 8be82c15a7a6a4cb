"""What traffic looks like at a shop: the parameters of the generator. Defaults: a shop in Japan on an ordinary day.

Names that end in ``_s`` are seconds; shares need not add up to 1. Spreads are those of lognormal distributions: of
two thirds of all values none is further from the median than the factor ``e ** spread``.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Final, Literal

import msgspec

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Texts = dict[str, tuple[str, ...]]


class Spike(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A campaign: so many times as much from ``at`` on, falling back evenly within ``minutes``, on each day."""

    at: str
    minutes: int = 60
    factor: float = 3.0
    topic: str | None = None
    """What the additional customers ask about; None: as always."""


class Channel(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where customers write. ``languages``: share by language."""

    channel: str
    account: str
    channel_class: str
    share: float
    languages: dict[str, float] = msgspec.field(default_factory=lambda: {"ja": 0.92, "en": 0.05, "zh": 0.03})


class Topic(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What they write about. ``texts`` by language; another language is written in English. ``handling``: so many times
    as long as usual."""

    name: str
    share: float
    texts: dict[str, tuple[str, ...]]
    handling: float = 1.0
    tags: tuple[str, ...] = ()


class Manner(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How conversations of one channel class go. ``patience_s`` None: nobody gives up. ``silent``: the share of
    conversations in which the customer goes quiet for a while."""

    handling_s: float
    handling_spread: float = 0.7
    patience_s: float | None = None
    patience_spread: float = 0.8
    answer_s: float = 20.0
    answer_spread: float = 0.6
    silent: float = 0.0
    silence_s: float = 900.0
    silence_spread: float = 0.8


class Crew(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """``count`` agents alike. ``skills``: the share of them who have each, at a level between 2 and 5. ``shifts`` are
    given out in turn, as local times; ``lunch_s`` and ``breaks`` of ten minutes lie within. For ``wind_down_s`` before
    the end they take nothing new."""

    name: str
    count: int
    queues: tuple[str, ...] = ("default",)
    teams: tuple[str, ...] = ()
    skills: dict[str, float] = {}
    languages: tuple[str, ...] = ("ja",)
    capacity: int = 100
    shifts: tuple[str, ...] = ("09:00-18:00", "10:00-19:00", "12:00-21:00")
    days: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    lunch_s: int = 3600
    breaks: int = 2
    wind_down_s: int = 900


class Manners(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How agents answer offers: ``accept_s`` is the median time; ``decline`` and ``miss`` are shares."""

    accept_s: float = 4.0
    accept_spread: float = 0.5
    decline: float = 0.02
    miss: float = 0.02


DELIVERY: Final[Texts] = {
    "ja": ("注文した商品の配送状況を教えてください", "まだ届きません。いつ届きますか"),
    "en": ("Where is my parcel?", "My order has not arrived yet"),
}
INVOICE: Final[Texts] = {
    "ja": ("請求書の宛名を変更したいです", "二重に請求されているようです"),
    "en": ("I was charged twice", "Please change the name on my invoice"),
}
RETURNS: Final[Texts] = {
    "ja": ("サイズが合わないので返品したいです", "不良品でした。交換をお願いします"),
    "en": ("I would like to return this", "It arrived broken, please replace it"),
}
STOCK: Final[Texts] = {
    "ja": ("この商品の在庫はありますか", "再入荷の予定を知りたいです"),
    "en": ("Is this in stock?", "When will it be available again?"),
}
LOGIN: Final[Texts] = {
    "ja": ("ログインできません", "パスワードを忘れました"),
    "en": ("I cannot log in", "I forgot my password"),
}


CURVE: Final = (
    0.8, 0.4, 0.2, 0.1, 0.1, 0.2, 0.5, 1.2, 2.5, 5.0, 7.5, 7.0,
    4.5, 5.5, 6.5, 6.0, 5.5, 5.0, 5.5, 6.5, 7.5, 6.5, 4.0, 2.0,
)  # fmt: skip
"""Two humps, the lunch dip between them, and the evening."""
WEEK: Final[dict[Weekday, float]] = {
    "mon": 1.2, "tue": 1.0, "wed": 0.95, "thu": 0.95, "fri": 1.0, "sat": 0.8, "sun": 0.7,
}  # fmt: skip
CLASSES: Final = {
    "social": Manner(420, 0.7, 900, silent=0.25),
    "chat": Manner(480, 0.7, 300),
    "email": Manner(600, 0.8, answer_s=300),
    "sms": Manner(300, 0.6, 1_800, silent=0.3),
    "voice": Manner(330, 0.6, 120, answer_s=3),
    "custom": Manner(400),
}


def sample_channels() -> tuple[Channel, ...]:
    """Those of ``example/channels.toml``: the names of channels are data, no module's knowledge."""
    text = resources.files("router.rehearse").joinpath("example", "channels.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["channels"], tuple[Channel, ...])


class Shop(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """``date`` is the first day, local; ``conversations`` come on an ordinary day on average. ``curve``: how much in
    each hour of the day, ``week`` and ``holiday``: how much on such a day."""

    date: str = "2026-11-24"
    days: int = 1
    zone: str = "Asia/Tokyo"
    conversations: int = 2_000
    curve: tuple[float, ...] = CURVE
    week: dict[Weekday, float] = msgspec.field(default_factory=WEEK.copy)
    holidays: str | None = "JP"
    holiday: float = 0.7
    spikes: tuple[Spike, ...] = ()
    returning: float = 0.15
    """The share of conversations with somebody who wrote before on the same days."""
    channels: tuple[Channel, ...] = msgspec.field(default_factory=sample_channels)
    topics: tuple[Topic, ...] = (
        Topic("delivery", 0.35, DELIVERY),
        Topic("invoice", 0.15, INVOICE, 1.3),
        Topic("returns", 0.2, RETURNS, 1.2),
        Topic("stock", 0.2, STOCK, 0.7),
        Topic("login", 0.1, LOGIN, 0.8),
    )
    classes: dict[str, Manner] = msgspec.field(default_factory=CLASSES.copy)
    agents: Manners = Manners()
    crews: tuple[Crew, ...] = (
        Crew("chat", 30, skills={"invoice": 0.4, "english": 0.25}),
        Crew("mail", 10, skills={"invoice": 0.6, "english": 0.4}),
    )
