"""Debian's HAProxy with the configuration that is shipped, in front of copies on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port

CONFIG = Path(__file__).parents[2] / "deploy/haproxy.cfg"
PROGRAM = shutil.which("haproxy") or "/usr/sbin/haproxy"


def installed() -> bool:
    """Whether there is one here."""
    return Path(PROGRAM).exists()


def adapted(text: str, port: int, edges: Sequence[int], apis: Sequence[int]) -> str:
    """The shipped configuration with fixed hosts instead of the container network's names, and other ports."""
    text = re.sub(r"^resolvers docker\n(?: .*\n)+", "", text, flags=re.M)
    text = text.replace(" resolvers docker init-addr none", "").replace("inter 2s", "inter 200ms")
    text = text.replace("bind :8080", f"bind 127.0.0.1:{port}").replace("bind :8404", f"bind 127.0.0.1:{free_port()}")
    for name, ports in (("edge", edges), ("api", apis)):
        servers = "\n    ".join(f"server {name}-{one} 127.0.0.1:{one}" for one in ports)
        text, count = re.subn(rf"server-template {name}- .*", servers, text)
        assert count == 1, f"no line of {name} in {CONFIG}"
    return text


@contextmanager
def haproxy(directory: Path, edges: Sequence[int], apis: Sequence[int]) -> Iterator[str]:
    """The address in front of these ports, once it finds a copy of each role well."""
    port, config = free_port(), directory / "haproxy.cfg"
    config.write_text(adapted(CONFIG.read_text("utf-8"), port, edges, apis))
    with (directory / "haproxy.log").open("ab") as log:
        process = subprocess.Popen([PROGRAM, "-db", "-f", str(config)], stdout=log, stderr=log)
    try:
        for path in ("/console", "/in/hook"):
            _wait(f"http://127.0.0.1:{port}{path}", process, directory)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes], directory: Path) -> None:
    deadline = time.monotonic() + 20
    while _status(url) in (0, 503):
        assert process.poll() is None and time.monotonic() < deadline, (directory / "haproxy.log").read_text()[-2000:]
        time.sleep(0.05)


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0
