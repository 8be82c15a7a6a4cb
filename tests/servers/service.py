"""Processes of the service itself, started by its real command line, to be asked, killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.ports import free_port

SECRET = "service-under-test-root-key-" * 2


class ServiceProcess:
    """One process with one role (or all). ``port`` stays the same over restarts."""

    def __init__(
        self, directory: Path, config: str, role: str | None, url: str | None, port: int | None = None
    ) -> None:
        self.directory = directory
        self.role = role
        self.port = port or free_port()
        self.log = directory / f"{role or 'all'}-{self.port}.log"
        self._url = url
        self._config = directory / f"{role or 'all'}-{self.port}.toml"
        self._config.write_text(
            f'[service]\ndata_dir = "{directory}/data"\nsecret = "{SECRET}"\ndrain_s = 0\nstop_s = 5\n'
            f'[http]\nlisten = "127.0.0.1:{self.port}"\n[logging]\nformat = "json"\n{config}'
        )
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it; does not wait."""
        command = [sys.executable, "-m", "router.cli", "serve", "--config", str(self._config)]
        command += ["--role", self.role] if self.role else []
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        if self._url is not None:
            environment["MADOGUCHI_STORE_URL"] = self._url
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def wait_ready(self, patience: float = 30.0) -> None:
        """Returns when it says that it is ready."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            assert self.process is not None
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.role} ended with {self.process.returncode}:\n{self.tail()}")
            try:
                with urllib.request.urlopen(f"{self.address}/readyz", timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"{self.role} was not ready in {patience} s:\n{self.tail()}")

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self, patience: float = 20.0) -> int:
        """SIGTERM, and its exit code; kill -9 when it does not listen."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def tail(self, size: int = 3_000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-size:] if self.log.exists() else ""


@contextmanager
def started(*services: ServiceProcess) -> Iterator[None]:
    """The services, ready within the block and stopped after it."""
    try:
        for service in services:
            service.start()
        for service in services:
            service.wait_ready()
        yield
    finally:
        for service in services:
            if service.process is not None and service.process.poll() is None:
                service.process.send_signal(signal.SIGTERM)
        for service in services:
            if service.process is not None:
                try:
                    service.process.wait(20)
                except subprocess.TimeoutExpired:
                    service.kill()
