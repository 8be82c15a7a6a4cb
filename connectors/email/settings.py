"""The settings of an email account: one address, received by a port, by IMAP, or both, and sent by SMTP."""

from __future__ import annotations

import ipaddress
from typing import Literal

import msgspec

from connectors.api import Secret
from connectors.email.address import domain_of, normal
from connectors.email.inbound import Mailbox
from connectors.email.limits import MESSAGE_BYTES
from contracts.ids import digest


class EmailSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not set is not done: without ``listen`` no port, without ``imap_host`` no mailbox, without ``smtp_host``
    no sending."""

    address: str
    """What customers write to and get answers from."""
    name: str | None = None
    """Shown beside the address."""
    aliases: tuple[str, ...] = ()
    """Further addresses of ours; mail to them is taken, mail from them is never a customer's."""
    domains: tuple[str, ...] = ()
    """Whatever address in these domains is taken by the port."""
    authserv_ids: tuple[str, ...] = ()
    """The names under which our own mail server writes Authentication-Results. Nothing else makes a sender verified."""
    token_key: Secret | None = None
    """Signs the reply address that names the conversation (``support+<token>@...``); without it there is none."""
    separator: Literal["+", "-", "="] = "+"
    """Between the local part and the token, as the mail server splits it."""
    message_id_domain: str | None = None
    """In our Message-IDs; the address's domain if not set. Answers to mails sent under another are not recognised."""
    max_message_bytes: int = MESSAGE_BYTES
    insecure: bool = False
    """Allows connections without TLS. Otherwise they are refused beyond this machine, and for sending altogether."""

    listen: str | None = None
    """Host and port for mail servers to deliver to, for example ``127.0.0.1:2525``. Never open it to the internet."""
    listen_protocol: Literal["smtp", "lmtp"] = "smtp"
    listen_connections: int = 100
    listen_timeout_s: float = 300.0

    imap_host: str | None = None
    imap_port: int = 993
    imap_user: str | None = None
    """The address, if not set."""
    imap_password: Secret | None = None
    imap_folder: str = "INBOX"
    imap_tls: bool = True
    imap_history_days: int = 1
    """How old a mail may be to be taken when the mailbox is read for the first time."""

    smtp_host: str | None = None
    smtp_port: int = 587
    smtp_tls: Literal["starttls", "implicit", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: Secret | None = None
    smtp_connections: int = 2
    null_sender: bool = True
    """Automatic mails leave with the null sender, so that nothing answers them; some providers refuse it."""
    subject: str = "お問い合わせの件"
    """Of a mail whose conversation has none."""

    def __post_init__(self) -> None:
        for text in (self.address, *self.aliases):
            if normal(text) is None:
                raise ValueError(f"{text!r} is no mail address")
        if self.listen is not None and not (self.insecure or is_loopback(host_and_port(self.listen)[0])):
            raise ValueError("listen takes mail in the clear, beyond this machine; insecure = true allows it")
        _positive(self, ("max_message_bytes", "listen_connections", "listen_timeout_s", "smtp_connections"))
        self._check_imap()
        self._check_smtp()

    def _check_imap(self) -> None:
        if self.imap_host is None:
            return
        if self.imap_password is None:
            raise ValueError("imap_password is missing")
        if not self.imap_tls and not (self.insecure or is_loopback(self.imap_host)):
            raise ValueError("imap_tls = false would send the password in the clear; insecure = true allows it")

    def _check_smtp(self) -> None:
        if self.smtp_host is None:
            return
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("smtp_user and smtp_password belong together")
        if self.smtp_tls == "none" and not self.insecure:
            raise ValueError('smtp_tls = "none" would send mail in the clear; insecure = true allows it')
        if self.smtp_tls == "none" and self.smtp_user is not None and not is_loopback(self.smtp_host):
            raise ValueError('with smtp_tls = "none" no password is sent; take smtp_user and smtp_password out')

    @property
    def own(self) -> str:
        """The address in its one spelling."""
        return normal(self.address) or self.address

    @property
    def id_domain(self) -> str:
        return (self.message_id_domain or domain_of(self.own)).lower()

    def is_ours(self, address: str) -> bool:
        """Mail to this address is taken."""
        text = normal(address)
        if text is None:
            return False
        if domain_of(text) in {domain.lower() for domain in self.domains}:
            return True
        return any(_belongs(text, own, self.separator) for own in self.addresses())

    def addresses(self) -> tuple[str, ...]:
        return tuple(found for text in (self.address, *self.aliases) if (found := normal(text)) is not None)

    def mailbox(self, account: str) -> Mailbox:
        """What reading a mail depends on."""
        return Mailbox(
            account=account,
            addresses=self.addresses(),
            domain=self.id_domain,
            loop=self.loop(account),
            authserv_ids=tuple(text.lower() for text in self.authserv_ids),
            separator=self.separator,
            message_bytes=self.max_message_bytes,
            key=self.key,
        )

    def loop(self, account: str) -> str:
        """What our loop header says: of this account, and of no other copy's."""
        return digest("email loop", account, self.own)

    @property
    def key(self) -> bytes:
        return self.token_key.key() if self.token_key is not None else b""


def host_and_port(text: str) -> tuple[str, int]:
    """``127.0.0.1:2525`` or ``[::1]:2525`` in its two parts.

    Raises:
        ValueError: it is neither.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError(f"{text!r} is no host and port, such as 127.0.0.1:2525")
    return host, int(port)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _positive(settings: EmailSettings, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(settings, name) <= 0:
            raise ValueError(f"{name} has to be more than 0")


def _belongs(address: str, own: str, separator: str) -> bool:
    """It is this address of ours, or this one with something added after the separator."""
    local, _, domain = address.rpartition("@")
    own_local, _, own_domain = own.rpartition("@")
    return domain == own_domain and (local == own_local or local.startswith(own_local + separator))
