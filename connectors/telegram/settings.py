"""The settings of a Telegram account (one bot)."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from connectors.api import Secret

TOKEN: Final = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")


class TelegramSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From @BotFather."""

    token: Secret
    """The bot's token, ``123456:ABC-DEF...``."""
    receive: Literal["webhook", "polling"] = "webhook"
    """``webhook``: Telegram calls us. ``polling``: we ask Telegram, which needs no public address."""
    secret_token: Secret | None = None
    """What ``setWebhook`` was given as ``secret_token``: 1 to 256 letters, digits, _ and -. Needed for the webhook."""
    secret_token_previous: Secret | None = None
    """Also accepted while a new one is being brought in."""
    bot_username: Annotated[str, Meta(pattern="^@?[A-Za-z0-9_]{3,40}$")] | None = None
    """When set, customers can be sent to the bot with a hand-over code in the link."""
    poll_s: Annotated[int, Meta(ge=0, le=50)] = 50
    """How many seconds Telegram holds a poll open when there is nothing new."""
    api_base: str = "https://api.telegram.org"
    """Another one for a Bot API server of your own."""

    def __post_init__(self) -> None:
        if TOKEN.fullmatch(self.token.reveal()) is None:
            raise ValueError("token is not as @BotFather gives it: 123456:ABC-DEF...")
        if self.receive == "webhook" and self.secret_token is None:
            raise ValueError('secret_token is needed, unless receive = "polling"')

    @property
    def bot_id(self) -> str:
        """The bot's own user id: the part of the token before the colon."""
        return self.token.reveal().partition(":")[0]
