"""A newcomer's first minutes, and an operator's commands beside a running service."""

from __future__ import annotations

import json
import re
import smtplib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.router.cli.command import Demonstration, demonstration

pytestmark = pytest.mark.store

CANARY = "c4n4ry-山田太郎-0901234"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    with demonstration(tmp_path_factory.mktemp("demonstration")) as running:
        yield running


def conversations(service: Demonstration) -> str:
    return json.dumps(service.get("/v1/conversations"), ensure_ascii=False)


def test_two_links_and_a_token_are_printed(service: Demonstration) -> None:
    assert re.search(rf"{service.url}/quickstart#token=mdg_\w+", service.out)
    assert re.search(rf"{service.url}/console#token=mdg_\w+", service.out)
    assert service.token.startswith("mdg_")


@pytest.mark.parametrize(
    ("channel", "sender"), [("line", "U" + "a" * 32), ("webhook", "hanako"), ("email", "hanako@customer.example")]
)
def test_a_tried_message_arrives(service: Demonstration, channel: str, sender: str) -> None:
    before = len(service.get("/v1/conversations")["items"])
    done = service.run("try", channel, "--text", f"{CANARY} {channel}", "--from", sender)
    assert done.returncode == 0, done.stderr
    service.wait(lambda: len(service.get("/v1/conversations")["items"]) > before)


def test_try_says_what_is_missing(service: Demonstration) -> None:
    done = service.run("try", "line", "--account", "shop")
    assert done.returncode == 1
    assert "there is no account 'shop' of line" in done.stderr


def test_tokens_are_made_listed_and_revoked(service: Demonstration) -> None:
    made = json.loads(service.run("token", "create", "bot", "--scope", "read", "--days", "2", "--json").stdout)
    listed = json.loads(service.run("token", "list", "--json").stdout)
    assert made["token"]["id"] in {one["id"] for one in listed}
    assert made["text"] not in json.dumps(listed)
    assert service.run("token", "revoke", made["token"]["id"]).returncode == 0
    again = service.run("token", "revoke", made["token"]["id"])
    assert again.returncode == 1
    assert "no token has the id" in again.stderr


def test_agents_are_put_listed_and_removed(service: Demonstration) -> None:
    put = ("agents", "put", "mei", "--name", "芽衣", "--skill", "english=4", "--team", "web", "--bot")
    assert service.run(*put).returncode == 0
    listed = json.loads(service.run("agents", "list", "--json").stdout)
    assert {one["agent"]["id"]: one["agent"].get("skills") for one in listed}["mei"] == {"english": 4}
    shown = service.run("agents", "list").stdout
    assert "芽衣 (bot)" in shown and "0/100000" in shown and "english 4" in shown and "team web" in shown
    assert service.run("agents", "remove", "mei").returncode == 0
    assert "mei" not in service.run("agents", "list").stdout


def test_streams_show_every_shard_with_its_owner(service: Demonstration) -> None:
    rows = json.loads(service.run("streams", "--json").stdout)
    assert len(rows) == 17
    assert all(row["owner"] and row["epoch"] >= 1 for row in rows)


def test_accounts_show_their_health(service: Demonstration) -> None:
    rows = json.loads(service.run("accounts", "--json").stdout)
    assert {row["account"] for row in rows} == {"web", "mail", "line", "hook"}
    assert ("mail", "port", "ok") in {(row["account"], row["direction"], row["state"]) for row in rows}


def test_dead_letter_is_listed_shown_and_replayed(service: Demonstration) -> None:
    garbage = (
        "import asyncio, pathlib, sys\n"
        "from router.settings import read\n"
        "from router.cli.reach import reach\n"
        "async def main():\n"
        "    async with reach(read('', None, {'MADOGUCHI_SERVICE__DATA_DIR': sys.argv[1]})) as store:\n"
        "        key = '{c:03}:commands'\n"
        "        await store.lane('t').call(key, 'XADD', key, '*', 'data', b'\\xc1garbage')\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([sys.executable, "-c", garbage, str(service.folder / "data/quickstart")], check=True, timeout=30)
    service.wait(lambda: json.loads(service.run("dead", "list", "--json").stdout) != [])
    (dead,) = json.loads(service.run("dead", "list", "--json").stdout)
    assert (dead["shard"], dead["type"]) == ("c:03", "unreadable")
    shown = json.loads(service.run("dead", "show", "c:03", dead["id"], "--json").stdout)
    assert shown["command"] == b"\xc1garbage".hex()
    assert service.run("dead", "replay", "c:03", dead["id"]).returncode == 0
    service.wait(
        lambda: [one["id"] for one in json.loads(service.run("dead", "list", "--json").stdout)] != [dead["id"]]
    )
    assert service.run("dead", "show", "c:03", dead["id"]).returncode == 1
    assert service.run("dead", "list").stdout.count("unreadable") == 1


def test_check_finds_it_well_and_health_check_answers(service: Demonstration) -> None:
    checked = service.run("check")
    assert checked.returncode == 0, checked.stdout
    assert "ok   service" in checked.stdout
    assert "durability disk" in checked.stdout
    assert service.run("check", "--health").returncode == 0


def test_second_service_in_the_same_folder_is_refused(service: Demonstration) -> None:
    done = service.run("serve", "--quickstart")
    assert done.returncode == 1
    assert "is in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_neither_bodies_nor_secrets_nor_addresses_are_in_the_log(service: Demonstration) -> None:
    with smtplib.SMTP("127.0.0.1", int(service.environ["MADOGUCHI_ACCOUNTS__MAIL__LISTEN"].split(":")[1])) as server:
        server.sendmail(
            "c4n4ry@customer.example", ["nobody@elsewhere.example"][:0] or ["support@quickstart.example"], b"c4n4ry"
        )
    assert "c4n4ry" not in service.log
    assert "quickstart-line-secret" not in service.log
    assert service.token not in service.log
    assert "hanako" not in service.log
