"""The root key, and the keys derived from it."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import pathlib
import secrets

from connectors.api import Secret
from router.settings.problem import Problem, SettingsError
from router.settings.secret_file import Unreadable, read_secret
from router.settings.sections import Settings

FILE = "secret"


class RootKey:
    """Gives a key of 32 bytes for each purpose, so that no two purposes share one."""

    __slots__ = ("_root",)

    def __init__(self, root: Secret) -> None:
        self._root = root.key()

    def key(self, label: str) -> bytes:
        """HMAC-SHA256 of the label under the root key. Labels are spelt where they are used, like ``media-link``."""
        return hmac.digest(self._root, label.encode("utf-8"), hashlib.sha256)

    def fingerprint(self) -> str:
        """Tells two root keys apart without telling anything of them; 16 hexadecimal digits."""
        return self.key("fingerprint")[:8].hex()

    def __repr__(self) -> str:
        return "RootKey(***)"


def root_key(settings: Settings) -> RootKey:
    """The configured root key, or that of ``<data_dir>/secret``, which is made when it is missing (mode 0600).

    Raises:
        SettingsError: the file cannot be read or written.
    """
    return RootKey(settings.service.secret or Secret(_kept(pathlib.Path(settings.service.data_dir))))


def new_secret() -> str:
    """A fresh root key as text: 64 hexadecimal digits."""
    return secrets.token_hex(32)


def _kept(folder: pathlib.Path) -> str:
    file = folder / FILE
    try:
        if not file.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make(file)
        return read_secret(file)
    except Unreadable as error:
        raise SettingsError([Problem(("service", "secret"), error.cause, error.remedy)]) from None
    except OSError as error:
        cause = f"{file} cannot be written ({error.strerror})"
        raise SettingsError([Problem(("service", "secret"), cause, "set service.data_dir or service.secret")]) from None


def _make(file: pathlib.Path) -> None:
    """Whole or not at all, and the first of several processes that start together wins."""
    draft = file.with_name(f".{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(new_secret() + "\n")
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
    finally:
        draft.unlink()
