"""``madoguchi init``: a first configuration."""

from __future__ import annotations

import argparse
import os
import pathlib
import secrets
from base64 import b64encode

from router.cli.failure import Failure
from router.settings import new_secret
from router.settings.load import DEFAULT_FILE
from router.settings.reference import example


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", default=DEFAULT_FILE, help=f"where to write it; default: {DEFAULT_FILE}")


def run(arguments: argparse.Namespace) -> int:
    file = pathlib.Path(arguments.file)
    _write(file, example(_values()))
    print(f"wrote {file}: a root key of its own, a web chat, a webhook account and one agent")
    print(f"next: look it over, then madoguchi check --config {file} and madoguchi serve --config {file}")
    return 0


def _values() -> dict[tuple[str, ...], str]:
    return {
        ("service", "secret"): f'"{new_secret()}"',
        ("agents", "id"): '"aoi"',
        ("agents", "name"): '"Aoi"',
        ("accounts", "my-webchat", "connector"): '"webchat"',
        ("accounts", "my-webchat", "token_key"): f'"{new_secret()}"',
        ("accounts", "my-webhook", "connector"): '"webhook"',
        ("accounts", "my-webhook", "secret"): f'"whsec_{b64encode(secrets.token_bytes(32)).decode()}"',
    }


def _write(file: pathlib.Path, text: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Failure(f"{file} is there already and is not overwritten", "name another: madoguchi init FILE") from None
    except OSError as error:
        raise Failure(f"{file} cannot be written ({error.strerror})", "name another: madoguchi init FILE") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
