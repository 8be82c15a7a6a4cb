"""Looks a contact up in the operator's own system over HTTP, and takes the attributes that the settings declare."""

from __future__ import annotations

import difflib
import string
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal
from urllib.parse import quote, urlsplit

import msgspec
from yarl import URL

from connectors.kit import standard_webhooks
from router.enrich.api import (
    Asked,
    Enricher,
    Found,
    Manifest,
    Outward,
    ProviderRequest,
    ProviderResponse,
    Secret,
    Trouble,
)

PLACEHOLDERS: Final = ("account", "address", "channel", "contact", "email", "external_id", "phone")
_MOST_ANSWER: Final = 262_144
_MOST_CHARACTERS: Final = 500


class CrmSettings(msgspec.Struct, frozen=True):
    """``url``: with placeholders in its path and query: ``https://crm.example/people/{external_id}``.

    ``attributes``: ours by the answer's (JSON) place: ``tier = "customer.level"``, ``plan = "plans.0.name"``.
    """

    url: str
    attributes: dict[str, str]
    method: Literal["GET", "POST"] = "GET"
    """POST sends what is known of the contact as JSON."""
    token: Secret | None = None
    """Sent as ``Authorization: Bearer``."""
    secret: Secret | None = None
    """``whsec_...``: the request is signed as in Standard Webhooks; of a GET, its URL is what is signed."""
    language: str | None = None
    """The answer's place of the contact's language."""
    unverified: bool = False
    """Also look up e-mail addresses and phone numbers that nobody has proved. Whoever types a great customer's address
    is then taken for them by the rules."""


class CrmEnricher(Enricher[CrmSettings]):
    """One request per contact and ``cache_s``. 404 and 204 mean that nobody knows them, which is an answer too."""

    manifest: ClassVar[Manifest] = Manifest(name="crm", about="contact", budget_s=2.0, cache_s=3_600)
    Settings = CrmSettings

    def __init__(self, name: str, settings: CrmSettings, outward: Outward) -> None:
        """
        Raises:
            ValueError: the URL, a place or the secret cannot be used.
        """
        super().__init__(name, settings, outward)
        self._names = _placeholders(settings.url)
        self._key = None if settings.secret is None else _key(settings.secret)
        if not settings.attributes and settings.language is None:
            raise ValueError("attributes: none is declared, so nothing would be learnt")

    async def enrich(self, asked: Asked) -> Found:
        known = known_of(asked, unverified=self.settings.unverified)
        if any(name not in known for name in self._names):
            return Found()
        response = await self.outward.call(self._request(known), most=_MOST_ANSWER)
        return self._read(response)

    def _request(self, known: dict[str, str]) -> ProviderRequest:
        filled = self.settings.url.format(**{name: quote(known[name], safe="") for name in self._names})
        url = str(URL(filled))  # as it is sent, or its signature would be another URL's
        body = msgspec.json.encode(known) if self.settings.method == "POST" else b""
        headers = {"accept": "application/json"} | ({"content-type": "application/json"} if body else {})
        secret: dict[str, str] = {}
        if self.settings.token is not None:
            secret["authorization"] = f"Bearer {self.settings.token.reveal()}"
        if self._key is not None:
            signed = body or url.encode()
            secret |= standard_webhooks.headers([self._key], f"lk_{uuid.uuid4().hex}", datetime.now(UTC), signed)
        return ProviderRequest(self.settings.method, url, headers, secret, body, idempotent=True)

    def _read(self, response: ProviderResponse) -> Found:
        if response.failure is not None:
            raise Trouble(response.failure)
        if response.status in (204, 404):
            return Found()
        if response.status != 200:
            raise Trouble(f"answered {response.status}")
        try:
            answer = msgspec.json.decode(response.body)
        except (msgspec.DecodeError, RecursionError):
            raise Trouble("answered no JSON") from None
        places = self.settings.attributes.items()
        attributes = {name: text for name, place in places if (text := _text(at(answer, place))) is not None}
        language = None if self.settings.language is None else _text(at(answer, self.settings.language))
        return Found(attributes, language)


def known_of(asked: Asked, *, unverified: bool) -> dict[str, str]:
    """What is known of the contact, by placeholder."""
    contact, claims = asked.contact, asked.contact.claims
    here = [one.address for one in contact.identities if (one.channel, one.account) == (asked.channel, asked.account)]
    values = {
        "contact": contact.id,
        "channel": asked.channel,
        "account": asked.account,
        "address": here[-1] if here else None,
        "external_id": claims.external_id,
        "email": claims.email if claims.email_verified or unverified else None,
        "phone": claims.phone if claims.phone_verified or unverified else None,
    }
    return {name: value for name, value in values.items() if value}


def at(answer: Any, place: str) -> Any:
    """What stands at ``customer.plans.0``; None when there is no such place."""
    for step in place.split("."):
        if isinstance(answer, dict):
            answer = answer.get(step)
        elif isinstance(answer, list) and step.isdecimal() and int(step) < len(answer):
            answer = answer[int(step)]
        else:
            return None
    return answer


def _text(value: Any) -> str | None:
    """Text, numbers and yes or no; lists and tables say nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:_MOST_CHARACTERS] if isinstance(value, str | int | float) else None


def _placeholders(url: str) -> tuple[str, ...]:
    try:
        names = tuple(dict.fromkeys(_names(url)))
    except ValueError as error:
        raise ValueError(f"url: {error}") from None
    for name in names:
        if name not in PLACEHOLDERS:
            close = difflib.get_close_matches(name, PLACEHOLDERS, 1, 0.5)
            hint = f"did you mean {{{close[0]}}}?" if close else f"there are {', '.join(PLACEHOLDERS)}"
            raise ValueError(f"url: there is no placeholder {{{name}}}; {hint}")
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or "{" in parts.netloc:
        raise ValueError("url: expected https://host/..., with placeholders only behind the host")
    return names


def _names(url: str) -> Iterator[str]:
    for _, name, spec, conversion in string.Formatter().parse(url):
        if name is not None:
            if spec or conversion:
                raise ValueError(f"write {{{name}}} alone")
            yield name


def _key(secret: Secret) -> bytes:
    try:
        return standard_webhooks.key_of(secret.reveal())
    except ValueError as error:
        raise ValueError(f"secret: {error}") from None
