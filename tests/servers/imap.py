"""A real IMAP server of its own on loopback: Debian's Dovecot, or pymap (from pip) where there is none, said aloud."""

from __future__ import annotations

import contextlib
import getpass
import imaplib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

USER, PASSWORD = "demouser", "demopass"

# The server ends with the tests even when they are killed. (A preexec function would fork among threads.)
_WRAPPER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM), 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

_DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
default_internal_user = {internal}
default_login_user = {login}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class ImapServer:
    """A mailbox server that can be stopped and started again with its mails."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.dovecot = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin:/sbin")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = self._dovecot() if self.dovecot else self._pymap()
        command = [sys.executable, "-c", _WRAPPER, *command]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        for _ in range(150):
            with contextlib.suppress(OSError, imaplib.IMAP4.error), self.client():
                return
            time.sleep(0.1)
        raise RuntimeError(f"no IMAP server came up: {self._log()}")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            # Its sessions outlive it by ten seconds otherwise.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    @contextlib.contextmanager
    def client(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=10) as client:
            client.login(USER, PASSWORD)
            yield client

    def put(self, *mails: bytes, folder: str = "INBOX") -> None:
        """Appends mails, in order."""
        with self.client() as client:
            for mail in mails:
                answer, text = client.append(folder, "", "", mail)
                assert answer == "OK", text

    def new_uidvalidity(self) -> None:
        """The folder's numbers are made anew, the mails stay (Dovecot only)."""
        self.stop()
        for index in (self.folder / "mail" / USER).glob("dovecot*"):
            index.unlink()
        time.sleep(1.1)  # UIDVALIDITY is the time in seconds
        self.start()

    def _dovecot(self) -> list[str]:
        root = os.getuid() == 0
        owner = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
        mail = self.folder / "mail"
        mail.mkdir(exist_ok=True)
        os.chown(mail, owner.pw_uid, owner.pw_gid)
        config = self.folder / "dovecot.conf"
        config.write_text(
            _DOVECOT.format(
                folder=self.folder,
                port=self.port,
                password=PASSWORD,
                uid=owner.pw_uid,
                gid=owner.pw_gid,
                internal="dovecot" if root else getpass.getuser(),
                login="dovenull" if root else getpass.getuser(),
            )
        )
        return [str(self.dovecot), "-F", "-c", str(config)]

    def _pymap(self) -> list[str]:
        sys.stderr.write("no dovecot here: the IMAP tests run against pymap\n")
        pymap = pathlib.Path(sys.executable).with_name("pymap")
        return [
            str(pymap), "--no-tls", "--host", "127.0.0.1", "--port", str(self.port), "dict",
            "--demo-user", USER, "--demo-password", PASSWORD, "--demo-data",
        ]  # fmt: skip

    def _log(self) -> str:
        log = self.folder / "log"
        return log.read_text()[-2000:] if log.exists() else "no log"


@contextlib.contextmanager
def imap_server() -> Iterator[ImapServer]:
    """A running server with one empty mailbox, gone afterwards."""
    # Not pytest's folder: the server's own users must be able to enter it.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="madoguchi-imap-"))
    folder.chmod(0o755)
    server = ImapServer(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
