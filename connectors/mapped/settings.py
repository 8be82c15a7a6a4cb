"""The settings of a mapped account: how they prove themselves, where things are, how to answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from connectors.api import KINDS, Secret
from connectors.kit.standard_webhooks import key_of
from connectors.mapped.paths import path
from connectors.mapped.template import OURS, check, leaves, names
from connectors.mapped.words import one_of

Proof = Literal["hmac", "standard", "token", "basic"]
Happening = Literal["message", "edit", "unsend", "reaction", "sent", "delivered", "read", "failed", "typing", "ignore"]
HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]

SIGNED: Final = ("body", "timestamp", "url")
_ALGORITHMS: Final = ("sha1", "sha256", "sha384", "sha512")


class Verify(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a request of theirs proves itself. A secret in the URL is not offered: URLs end up in logs."""

    by: str
    """``hmac`` (a signature over the body), ``standard`` (Standard Webhooks), ``token`` (the secret itself in a header)
    or ``basic`` (user name and secret)."""
    header: HeaderName | None = None
    """Where the signature or the token is; for ``token`` and ``basic``: ``authorization`` unless said otherwise."""
    prefix: str = ""
    """What stands before it: ``sha256=``, ``Bearer ``."""
    algorithm: str = "sha256"
    """Of the HMAC: sha1, sha256, sha384 or sha512."""
    encoding: Literal["hex", "hex_upper", "base64"] = "hex"
    """How the HMAC is written (``hex`` with lower-case letters)."""
    signed: str = "{body}"
    """What is signed, in its order: ``{timestamp}.{body}``. ``{url}`` is the account's public URL with its query."""
    timestamp_header: HeaderName | None = None
    """Where the time of sending is, when it is signed too."""
    timestamp_in: Literal["s", "ms"] = "s"
    """Seconds or milliseconds since 1970."""
    tolerance_s: Annotated[int, Meta(ge=1, le=86_400)] = 300
    """How far the signed time may be from ours."""
    username: str | None = None
    """With ``basic``."""

    def __post_init__(self) -> None:
        if self.by in ("query", "url", "none", ""):
            raise ValueError("by: a secret in the URL, or none, proves nothing; use hmac, standard, token or basic")
        one_of("by", self.by, get_args(Proof))
        one_of("algorithm", self.algorithm, _ALGORITHMS)
        check("signed", self.signed, SIGNED)
        if self.by == "hmac" and self.header is None:
            raise ValueError("header: which header has the signature?")
        if self.by == "hmac" and "body" not in names(self.signed):
            raise ValueError("signed: without {body} anybody could change what is said")
        if self.by == "hmac" and ("timestamp" in names(self.signed)) != (self.timestamp_header is not None):
            raise ValueError("timestamp_header: it is needed with {timestamp} in signed, and only then")
        if self.by == "basic" and self.username is None:
            raise ValueError("username: it is needed with basic")

    @property
    def digest(self) -> Any:
        """The hash function's constructor, for ``hmac``."""
        return getattr(hashlib, self.algorithm)


class FilePaths(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where things are within each of ``receive.files``; a file that is nothing but text is its own URL."""

    url: str = "url"
    name: str | None = None
    type: str | None = None
    size: str | None = None
    headers: dict[str, str] = {}
    """For fetching: ``authorization = "Bearer {token}"``. They go to ``hosts`` only, over https."""
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("url", "name", "type", "size"):
            if (text := getattr(self, name)) is not None:
                path(name, text)
        for name, template in self.headers.items():
            check(f"headers.{name}", template, OURS)
        if self.headers and not self.hosts:
            raise ValueError("hosts: say to whom the headers may go; a payload can name any URL")


class Receive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where things are in their payload. Every value without another word is a path (JMESPath)."""

    format: Literal["json", "form"] = "json"
    """A form is read as an object of texts; a repeated field is a list."""
    each: str | None = None
    """The list of what happened, when a request can hold several; the other paths then begin at each of them."""
    when: str | None = None
    """Only what makes this true is for us."""
    ours: str | None = None
    """True for what we have sent ourselves, told to us again."""
    id: str | None = None
    """Their id of the message, the same when it comes again."""
    id_header: HeaderName | None = None
    """Or the header that has it (``webhook-id``)."""
    sender: str
    """Whom to answer: a number, a user, a room."""
    author: str | None = None
    """The person, where ``sender`` is a room."""
    name: str | None = None
    """What the person is called."""
    text: str | None = None
    html: str | None = None
    subject: str | None = None
    language: str | None = None
    email: str | None = None
    """Of the person; links nothing by itself."""
    phone: str | None = None
    time: str | None = None
    time_in: Literal["iso", "s", "ms"] = "iso"
    """ISO 8601 (without a zone it is UTC), or seconds or milliseconds since 1970."""
    thread: str | None = None
    reply_to: str | None = None
    """Their id of the message that is answered."""
    files: str | None = None
    """A list of files, or of URLs."""
    file: FilePaths = FilePaths()
    picked: str | None = None
    """The value of an option that was picked."""
    picked_label: str | None = None
    latitude: str | None = None
    longitude: str | None = None
    emoji: str | None = None
    """Of a reaction."""
    kind: str | None = None
    """Their word for what happened; without it everything is a message."""
    kinds: dict[str, str] = {}
    """What their words mean: message, edit, unsend, reaction, sent, delivered, read, failed, typing or ignore. A word
    that is not here is ignored."""
    code: str | None = None
    """With ``failed``: their error code, and ``reason`` in words."""
    reason: str | None = None
    verified: bool = True
    """They make sure that the sender owns the address."""
    answer: str = ""
    """What their request is answered with, beside 200: ``OK``."""
    answer_type: Annotated[str, Meta(pattern=r"^[a-z]+/[a-z0-9.+-]+$")] = "text/plain"

    def __post_init__(self) -> None:
        for name, text in self.paths():
            path(name, text)
        if (self.id is None) == (self.id_header is None):
            raise ValueError("id: say where their id is, by id or by id_header; without it a repeat is heard twice")
        if self.id_header is not None and self.each is not None:
            raise ValueError("id_header: with each, every item needs an id of its own")
        for theirs, ours in self.kinds.items():
            one_of(f"kinds.{theirs}", ours, get_args(Happening))
        if bool(self.kinds) != (self.kind is not None):
            raise ValueError("kind: it needs kinds, which say what their words mean, and kinds need it")
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude: it goes together with longitude")

    def paths(self) -> Iterator[tuple[str, str]]:
        """Every path that is set, by its name."""
        for name in PATHS:
            if (text := getattr(self, name)) is not None:
                yield name, text


PATHS: Final = (
    "each", "when", "ours", "id", "sender", "author", "name", "text", "html", "subject", "language", "email", "phone",
    "time", "thread", "reply_to", "files", "picked", "picked_label", "latitude", "longitude", "emoji", "kind", "code",
    "reason",
)  # fmt: skip


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What their answer to a call means. Without anything said: HTTP's usual meanings."""

    id: str | None = None
    """The path of their id of our message."""
    good: str | None = None
    """A condition: a 2xx of which it is false is a refusal (errors within HTTP 200)."""
    code: str | None = None
    """The path of their error code."""
    reason: str | None = None
    """The path of the reason in words."""
    errors: dict[str, str] = {}
    """What their codes (or else HTTP statuses) mean: config, unreachable, throttled, rejected, recipient_gone,
    opted_out, window_closed, too_large, unsupported, bad_answer; ``sent`` for what is no error (said twice)."""

    def __post_init__(self) -> None:
        for name in ("id", "good", "code", "reason"):
            if (text := getattr(self, name)) is not None:
                path(name, text)
        for code, kind in self.errors.items():
            one_of(f"errors.{code}", kind, (*KINDS, "sent"))


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call that says one piece of a message."""

    url: str
    method: Literal["POST", "PUT", "PATCH", "GET"] = "POST"
    format: Literal["json", "form", "text"] = "json"
    headers: dict[str, str] = {}
    """Their values take what is ours only: ``{token}``, ``{basic}`` (user name and token), ``{key}``, ``{id}`` ..."""
    body: Any = None
    """A table for json and form, text for text."""

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://")) or "{" in self.url.partition("//")[2].partition("/")[0]:
            raise ValueError("url: it begins with https:// and a host that is fixed")
        check("url", self.url)
        for name, template in self.headers.items():
            check(f"headers.{name}", template, OURS)
            if not template.isascii() or not name.replace("-", "").isalnum() or not name.isascii():
                raise ValueError(f"headers.{name}: headers are ASCII")
        self._check_body()
        for place, template in leaves("body", self.body):
            check(place, template)

    def _check_body(self) -> None:
        if self.format == "text" and not isinstance(self.body, str | None):
            raise ValueError("body: with format text it is a text")
        if self.format == "form" and not (self.body is None or _is_flat(self.body)):
            raise ValueError("body: a form is a flat table of texts")
        if self.format == "json" and isinstance(self.body, str):
            raise ValueError('body: write a table, { text = "{text}" }; filled-in text could break JSON made by hand')

    def names(self) -> set[str]:
        """The placeholders that it uses."""
        texts = [self.url, *self.headers.values(), *(text for _, text in leaves("", self.body))]
        return {name for text in texts for name in names(text)}


class Send(Call, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to answer a customer: the call for a text, and what their answers mean."""

    file: Call | None = None
    """The call for a file, with {file_url}, {file_name}, {file_type}, {file_size}; without it a text with a link."""
    username: str | None = None
    text_limit: Annotated[int, Meta(ge=20)] | None = None
    """The longest text that they take; what is longer goes in several calls."""
    text_unit: Literal["characters", "utf16", "bytes", "graphemes"] = "characters"
    idempotent: bool = False
    """The same ``{key}`` is carried out once by them: then what is unclear may be sent again."""
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 15.0
    answer: Answer = Answer()

    def __post_init__(self) -> None:
        super().__post_init__()
        calls = (self, self.file) if self.file is not None else (self,)
        if "text" not in self.names():
            raise ValueError("body: nothing in it, nor in url, says {text}")
        if self.file is not None and "file_url" not in self.file.names():
            raise ValueError("file: nothing in it says {file_url}")
        if self.idempotent and any("key" not in call.names() for call in calls):
            raise ValueError("idempotent: then every call has {key} somewhere")


class MappedSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two secrets and three tables; the README shows whole examples."""

    secret: Secret
    """Proves what comes from them. For ``standard``: ``whsec_...``."""
    previous_secret: Secret | None = None
    """Still accepted while it changes."""
    token: Secret | None = None
    """Our own key for their API: ``{token}`` in ``send``."""
    verify: Verify
    receive: Receive
    send: Send | None = None
    """Without it the account only receives."""
    link: str | None = None
    """A link that opens their chat with ``{text}`` written, for "continue there"."""

    def __post_init__(self) -> None:
        if self.link is not None and "{text}" not in self.link:
            raise ValueError("link: it should have {text} in it")
        self.keys()
        wanted = {"token", "basic"} & self._used()
        if wanted and self.token is None:
            raise ValueError(f"token: {{{min(wanted)}}} is used, and no token set")

    def _used(self) -> set[str]:
        used = {name for template in self.receive.file.headers.values() for name in names(template)}
        if self.send is not None:
            used |= self.send.names() | (self.send.file.names() if self.send.file is not None else set())
        return used

    def keys(self) -> tuple[bytes, ...]:
        """What proves them, as bytes; the present one first."""
        secrets = [each for each in (self.secret, self.previous_secret) if each is not None]
        if self.verify.by != "standard":
            return tuple(secret.key() for secret in secrets)
        try:
            return tuple(key_of(secret.reveal()) for secret in secrets)
        except ValueError as error:
            raise ValueError(f"secret: {error}") from None


def _is_flat(body: Any) -> bool:
    return isinstance(body, dict) and all(isinstance(each, str | int | float) for each in body.values())
