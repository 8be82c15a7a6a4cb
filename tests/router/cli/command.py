"""The real command in a process of its own, and a demonstration of the service on free ports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers.ports import free_ports


def madoguchi(*words: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "router.cli", *words],
        cwd=cwd,
        env=environment(**environ),
        capture_output=True,
        text=True,
        timeout=60,
    )


def environment(**environ: str) -> dict[str, str]:
    """This process's, without settings of its own."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MADOGUCHI_")}
    return plain | environ


class Demonstration:
    """``madoguchi serve --quickstart`` in ``folder``."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.words = words
        http, mail, catcher, provider = free_ports(4)
        self.url = f"http://127.0.0.1:{http}"
        self.environ = {
            "MADOGUCHI_HTTP_LISTEN": f"127.0.0.1:{http}",
            "MADOGUCHI_LOGGING__LEVEL": "debug",
            "MADOGUCHI_SERVICE__DATA_DIR": str(folder / "data/quickstart"),
            "MADOGUCHI_ACCOUNTS__MAIL__LISTEN": f"127.0.0.1:{mail}",
            "MADOGUCHI_ACCOUNTS__MAIL__SMTP_PORT": str(catcher),
            "MADOGUCHI_ACCOUNTS__LINE__API_BASE": f"http://127.0.0.1:{provider}/line",
            "MADOGUCHI_ACCOUNTS__LINE__DATA_BASE": f"http://127.0.0.1:{provider}/line",
            "MADOGUCHI_ACCOUNTS__HOOK__URL": f"http://127.0.0.1:{provider}/hook",
        }
        self.process: subprocess.Popen[str] | None = None

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command beside it."""
        return madoguchi(*words, cwd=self.folder, **self.environ)

    def start(self) -> None:
        """Returns when it has greeted."""
        with (self.folder / "out").open("ab") as out, (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "router.cli", "serve", "--quickstart", *self.words],
                cwd=self.folder,
                env=environment(**self.environ, PYTHONUNBUFFERED="1"),
                stdout=out,
                stderr=log,
                text=True,
            )
        self.wait(lambda: "token for the API" in self.out)

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text("utf-8")

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")

    @property
    def token(self) -> str:
        """For the whole API."""
        return self.out.rsplit("token for the API", 1)[1].split()[0]

    def get(self, path: str) -> Any:
        """JSON of the API, as the administrator."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """As the administrator; what was answered."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def wait(self, true: Any, patience: float = 30.0) -> None:
        """Until it is true, or the service has ended."""
        deadline = time.monotonic() + patience
        while not true():
            assert self.process is None or self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def stop(self) -> int:
        """In order; gives its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        finally:
            self.process.kill()


@contextmanager
def demonstration(folder: Path, *words: str) -> Iterator[Demonstration]:
    """Started before, stopped after."""
    running = Demonstration(folder, *words)
    try:
        running.start()
        yield running
    finally:
        if running.process is not None and running.process.poll() is None:
            running.stop()
