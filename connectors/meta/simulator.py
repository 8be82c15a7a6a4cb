"""Meta's platform, imitated: webhooks signed and repeated as Meta does it, and the manners of the Graph API."""

from __future__ import annotations

from typing import Any, ClassVar, Final, TypeVar

from connectors.api import ProviderResponse, Request
from connectors.meta.gate import keys_of
from connectors.meta.settings import MetaSettings
from connectors.meta.simulate import headers
from connectors.testing.provider import HOUR, MINUTE, Call, ProviderSimulator, Webhook, json_answer, posted

WINDOW_S: Final = 24 * HOUR

S = TypeVar("S", bound=MetaSettings)


class MetaSimulator(ProviderSimulator[S]):
    """One account at Meta. A channel says what its customers send and what its calls are."""

    # Meta says: at once a few times, then less and less often; the intervals are of the order that is seen.
    retries_s: ClassVar[tuple[float, ...]] = (1.0, 15.0, MINUTE, 5 * MINUTE, HOUR)

    @classmethod
    def sample(cls, url: str) -> dict[str, Any]:
        return {
            "app_secret": "madoguchi_app_secret",
            "verify_token": "a-word-of-our-own",
            "access_token": "token-of-the-account",
            "api_base": url,
        }

    def signed(self, webhook: Webhook) -> Request:
        """Meta does not mark what it sends again."""
        key = keys_of(self.settings)[0]
        return posted(self.to, webhook.path, headers(key, webhook.body), webhook.body, self.now)

    def answer(self, call: Call) -> ProviderResponse:
        if call.headers.get("authorization") != f"Bearer {self.settings.access_token.reveal()}":
            return self.no(401, 190, "Invalid OAuth access token - Cannot parse access token")
        segments = call.segments
        if segments[0] == self.settings.api_version:
            return self.called(call, segments[1:])
        return self.served(segments)

    def called(self, call: Call, path: list[str]) -> ProviderResponse:
        """The answer to a call of the Graph API, of whose path the version is taken off."""
        raise NotImplementedError

    def served(self, path: list[str]) -> ProviderResponse:
        """The answer to a call of anything else."""
        return self.unknown()

    def throttled(self, retry_after_s: float | None) -> ProviderResponse:
        """Meta gives no Retry-After; ours has one where a test wants to see the end of it."""
        told = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
        return json_answer(429, _error(4, None, "Application request limit reached"), **told)

    def no(self, status: int, code: int, why: str, subcode: int | None = None) -> ProviderResponse:
        """We did what the documents forbid."""
        return self.refuse(status, _error(code, subcode, why), f"Meta: {why}")

    def cannot(self, status: int, code: int, why: str, subcode: int | None = None) -> ProviderResponse:
        """It cannot be done, and we could not know."""
        return json_answer(status, _error(code, subcode, why))

    def unknown(self) -> ProviderResponse:
        """There is nothing like that."""
        return self.no(400, 100, "Unsupported request, or the object does not exist", 33)


def _error(code: int, subcode: int | None, why: str) -> dict[str, Any]:
    error: dict[str, Any] = {"message": f"(#{code}) {why}", "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    return {"error": {**error, "fbtrace_id": "Az8or2yhqkZfEZ-_4Qn_Bam"}}
