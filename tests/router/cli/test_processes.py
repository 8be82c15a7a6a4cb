"""Several processes of one service: one that dies is replaced, and none outlives the parent."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.router.cli.command import Demonstration, demonstration

pytestmark = [pytest.mark.store, pytest.mark.chaos]


def children(service: Demonstration) -> set[int]:
    assert service.process is not None
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(service.process.pid)], capture_output=True, text=True
    )
    return {int(line.split()[0]) for line in listed.stdout.splitlines() if "--child" in line}


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_dead_child_is_replaced_and_all_stop_in_order(tmp_path: Path) -> None:
    with demonstration(tmp_path, "--processes", "2") as service:
        before = children(service)
        assert len(before) == 2
        os.kill(min(before), signal.SIGKILL)
        service.wait(lambda: len(children(service)) == 2 and min(before) not in children(service))
        assert service.run("try", "line").returncode == 0
        service.wait(lambda: service.get("/v1/conversations")["items"])
        last = children(service)
        assert service.stop() == 0
        assert not any(map(alive, last))
        assert "process.killed" not in service.log


def test_children_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    with demonstration(tmp_path, "--processes", "2") as service:
        left = children(service)
        assert service.process is not None
        service.process.kill()
        service.process.wait(5)
        service.process = None
        service.wait(lambda: not any(map(alive, left)))


def test_a_folder_with_a_path_too_long_for_a_socket_will_do(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    with demonstration(folder, "--processes", "2") as service:
        assert service.run("token", "list").returncode == 0
        assert service.stop() == 0
    assert not (folder / "data/quickstart/store/valkey.sock").is_symlink()


def test_taken_port_is_told(tmp_path: Path) -> None:
    with demonstration(tmp_path) as service:
        other = tmp_path / "other"
        service.environ["MADOGUCHI_SERVICE__DATA_DIR"] = str(other)
        done = service.run("serve", "--quickstart", "--processes", "2")
        assert done.returncode == 1
        assert "cannot be listened on (Address already in use)" in done.stderr
        single = service.run("serve", "--quickstart")
        assert single.returncode == 1
        assert "in use" in single.stderr
        assert "Traceback" not in single.stderr
