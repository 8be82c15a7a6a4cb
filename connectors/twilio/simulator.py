"""Twilio, imitated: webhooks signed and repeated as Twilio does it, and the manners of its REST API."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from connectors.api import ProviderResponse, Request
from connectors.testing.provider import Call, ProviderSimulator, Webhook, json_answer, posted
from connectors.twilio.gate import keys_of
from connectors.twilio.rest import sign_in
from connectors.twilio.settings import TwilioSettings
from connectors.twilio.simulate import headers

S = TypeVar("S", bound=TwilioSettings)


class TwilioSimulator(ProviderSimulator[S]):
    """One account at Twilio. A channel says what its customers do and what its calls are."""

    # By itself Twilio tries once more and only when it could not connect; with #rc=5&rp=all behind the URL, five times.
    retries_s: ClassVar[tuple[float, ...]] = (60.0, 120.0, 180.0, 240.0, 300.0)
    patience_s: ClassVar[float] = 15.0

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {"account_sid": "AC" + "0" * 32, "auth_token": "12345678901234567890123456789012", "api_base": url}

    def signed(self, webhook: Webhook) -> Request:
        """The signature is the same at each attempt, because it covers no time."""
        signs = headers(keys_of(self.settings)[0], self.to + webhook.path, webhook.body)
        path, _, query = webhook.path.partition("?")
        request = posted(self.to, webhook.path, signs, webhook.body, self.now)
        return msgspec.structs.replace(request, path=path, query=dict(parse_qsl(query, keep_blank_values=True)))

    def answer(self, call: Call) -> ProviderResponse:
        if call.headers.get("authorization") != sign_in(self.settings)["authorization"]:
            return self.no(401, 20003, "Authenticate")
        segments = call.segments
        if segments[:3] == ["2010-04-01", "Accounts", f"{self.settings.account_sid}.json"]:
            return json_answer(200, {"sid": self.settings.account_sid, "status": "active"})
        if segments[:3] == ["2010-04-01", "Accounts", self.settings.account_sid]:
            return self.called(call, segments[3:])
        return self.elsewhere(call, segments)

    def called(self, call: Call, path: list[str]) -> ProviderResponse:
        """The answer to a call for something of the account."""
        raise NotImplementedError

    def elsewhere(self, call: Call, path: list[str]) -> ProviderResponse:
        """The answer to any other call."""
        return self.no(404, 20404, "The requested resource was not found")

    def throttled(self, retry_after_s: float | None) -> ProviderResponse:
        """Twilio gives no Retry-After; ours has one where a test wants to see the end of it."""
        told = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
        return json_answer(429, error(429, 20429, "Too Many Requests"), **told)

    def no(self, status: int, code: int, why: str) -> ProviderResponse:
        """We did what the documents forbid."""
        return self.refuse(status, error(status, code, why), f"Twilio: {why}")

    def cannot(self, status: int, code: int, why: str) -> ProviderResponse:
        """It cannot be done, and we could not know."""
        return json_answer(status, error(status, code, why))

    def path_of(self, url: str) -> str:
        """What follows our own address in a callback's URL."""
        parts = urlsplit(url)
        path = parts.path.removeprefix(urlsplit(self.to).path)
        return f"{path}?{parts.query}" if parts.query else path


def error(status: int, code: int, why: str) -> dict[str, Any]:
    """The body of an error."""
    return {
        "code": code,
        "message": why,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
