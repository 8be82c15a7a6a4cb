"""``madoguchi try``: a message as a customer would send it, so that one can watch it arrive."""

from __future__ import annotations

import argparse
import secrets
import smtplib
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

import msgspec

from connectors import registry
from connectors.api import Request
from router.cli.ask import base_url, post
from router.cli.configuration import config_option, configuration
from router.cli.failure import Failure
from router.settings import Account, Settings

_SENDERS = {"email": "taro@customer.example", "line": "U" + "4" * 32, "webhook": "taro"}
_TEXT = "こんにちは、注文について質問があります。 Hello, I have a question about my order."


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", choices=sorted(_SENDERS), help="how the customer writes")
    parser.add_argument("--text", default=_TEXT, help="what they write")
    parser.add_argument("--from", dest="sender", help="who they are: a mail address, a LINE user id, any id")
    parser.add_argument("--account", help="to which account; default: the first of that connector")
    parser.add_argument("--subject", default="注文について (about my order)", help="of the mail")
    parser.add_argument("--url", help="of the service; default: where the configuration says that it listens")
    config_option(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = configuration(arguments)
    name, account = _account(settings, arguments.channel, arguments.account)
    sender = arguments.sender or _SENDERS[arguments.channel]
    if arguments.channel == "email":
        _mail(account, sender, arguments.subject, arguments.text)
    else:
        _request(settings, name, account, sender, arguments.text, arguments.url)
    print(f"sent to the account {name}, from {sender}; it is in the console now")
    return 0


def _account(settings: Settings, connector: str, name: str | None) -> tuple[str, Account]:
    found = {key: one for key, one in settings.accounts.items() if one.connector == connector and name in (None, key)}
    if not found:
        wanted = f"{name!r} of {connector}" if name else f"of {connector}"
        raise Failure(f"there is no account {wanted} in the configuration", "madoguchi accounts lists them")
    return next(iter(found.items()))


# -- email ----------------------------------------------------------------------------------------------------------


def _mail(account: Account, sender: str, subject: str, text: str) -> None:
    listen = account.options.get("listen")
    if not isinstance(listen, str):
        raise Failure("the account has no port to deliver to", "set its listen, for example 127.0.0.1:2525")
    host, _, port = listen.rpartition(":")
    kind = smtplib.LMTP if account.options.get("listen_protocol") == "lmtp" else smtplib.SMTP
    try:
        with kind(host.strip("[]"), int(port), timeout=10) as server:
            server.send_message(_message(sender, str(account.options.get("address")), subject, text))
    except (OSError, smtplib.SMTPException) as error:
        raise Failure(
            f"the mail was not taken on {listen} ({_reason(error)})", "start the service first: make run"
        ) from None


def _message(sender: str, to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "customer.example")
    message.set_content(text)
    return message


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


# -- LINE and webhook -----------------------------------------------------------------------------------------------


def _request(settings: Settings, name: str, account: Account, sender: str, text: str, url: str | None) -> None:
    made = _simulated(name, account, sender, text)
    target = f"{(url or base_url(settings)).rstrip('/')}/in/{name}{made.path}"
    status = post(target, made.body, dict(made.headers))
    if not 200 <= status < 300:
        raise Failure(f"{target} answered {status}", "its log says why; is the secret the service's own?")


def _simulated(name: str, account: Account, sender: str, text: str) -> Request:
    """Signed with the account's secret, as the provider does it."""
    cls = registry.load(account.connector)
    connector: Any = cls(name, _settings(cls, account, name))
    made: Request | None = connector.simulate(sender, text, secrets.randbelow(10**9), int(time.time() * 1000))
    if made is None:
        raise Failure(f"the connector {account.connector} cannot be tried this way")
    return made


def _settings(cls: Any, account: Account, name: str) -> msgspec.Struct:
    return registry.settings_of(cls, account.options, name)
