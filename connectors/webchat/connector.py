"""Web chat as a connector: the declaration, and which file answers what."""

from __future__ import annotations

from connectors.api import (
    NATIVE,
    Connector,
    Ignored,
    Manifest,
    Outbound,
    Outcome,
    Parsed,
    Refused,
    Request,
    Response,
    Sent,
    Session,
    SessionOpen,
    Verified,
    degraded,
    refused,
)
from connectors.webchat import upload
from connectors.webchat.origin import allowed
from connectors.webchat.pages import Pages
from connectors.webchat.session import CHANNEL, ChatSession
from connectors.webchat.settings import MAX_UPLOAD, WebchatSettings
from connectors.webchat.token import TokenError, Tokens, Visitor


class WebchatConnector(Connector[WebchatSettings]):
    """A widget on the operator's pages. Answers travel on the event stream that the open sockets watch."""

    Settings = WebchatSettings
    manifest = Manifest(
        name=CHANNEL,
        title="Web chat",
        title_ja="ウェブチャット",
        channel_class="chat",
        carries={
            "text": NATIVE,
            "image": NATIVE,
            "audio": NATIVE,
            "video": NATIVE,
            "file": NATIVE,
            "location": NATIVE,
            "contact_card": NATIVE,
            "sticker": degraded("its words as text"),
            "choice": NATIVE,
            "postback": refused("only the customer can pick an option"),
            "reaction": degraded("the emoji as text"),
            "template": refused("web chat has no approved templates; send the text itself"),
            "call": refused("web chat carries no calls"),
        },
        text_limit=16_000,
        text_unit="characters",
        receipts=("delivered", "read"),
        idempotent=True,
        typing=True,
        sessions=True,
        max_body=MAX_UPLOAD,
    )

    def __init__(self, account: str, settings: WebchatSettings) -> None:
        super().__init__(account, settings)
        self._tokens = Tokens(account, settings.token_key, settings.token_lifetime_s, settings.user_session_s)
        self._pages = Pages(account, settings, self._tokens)

    def handshake(self, request: Request) -> Response | None:
        return self._pages.answer(request)

    def verify(self, request: Request) -> Verified | Refused:
        """Only uploads come this way: from an admitted page, with the visitor's token in ``Authorization``."""
        if (request.method, request.path) != ("POST", "/upload"):
            return Refused("no such path", 404)
        if not allowed(self.settings.origins, request.headers):
            return Refused("origin", 403)
        visitor = self._bearer(request)
        return Refused(visitor) if isinstance(visitor, str) else Verified()

    def parse(self, request: Request) -> Parsed:
        visitor = self._bearer(request)
        if isinstance(visitor, str):
            return Ignored(visitor, Response(401))
        return upload.receive(request, visitor.address, self.settings, self._tokens)

    def session(self, opened: SessionOpen) -> Session | Refused:
        if not allowed(self.settings.origins, opened.headers):
            return Refused("origin", 403)
        return ChatSession(self.account, self.settings, self._tokens, opened)

    async def deliver(self, outbound: Outbound) -> Outcome | None:
        """The message is on the event stream already; ``seen`` frames say when somebody has it on their screen."""
        return Sent((outbound.message,))

    def _bearer(self, request: Request) -> Visitor | str:
        """The visitor whose token came with the request, or why there is none."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return "token_invalid"
        try:
            return self._tokens.read(token.strip(), request.received_at)
        except TokenError as error:
            return str(error)
