"""The configuration is checked as a whole, and every mistake is told with its place and its remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.api import Secret
from router.settings import Settings, SettingsError, address, find_file, load, read

FULL = """
[service]
public_url = "https://desk.example"
language = "ja"

[http]
listen = "[::]:9000"

[store]
url = "redis://user:pass@db:6379/0"
durability = "replica"

[accounts.shop-line]
connector = "line"
channel_secret = "s3cret"
channel_access_token = "t0ken"
grouping = "channel"
allow_private = true

[[agents]]
id = "aoi"
name = "葵"
skills = { english = 3 }

[policy]
default_queue = "sales"
[[policy.queues]]
name = "sales"
auto_accept = true
[[policy.rules]]
name = "words"
queue = "sales"
[policy.rules.when]
words = ["見積"]
[policy.classes.chat]
weight = 10
"""


def problems(text: str, **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(text, "m.toml", environ)
    return [str(problem) for problem in caught.value.problems]


def test_everything_has_a_default() -> None:
    settings = read("", None, {})
    assert settings == Settings()
    assert settings.shards.conversation == 16
    assert settings.store.durability == "disk"


def test_whole_file() -> None:
    settings = read(FULL, "m.toml", {})
    line = settings.accounts["shop-line"]
    assert (line.connector, line.grouping, line.allow_private) == ("line", "channel", True)
    assert line.options == {"channel_secret": "s3cret", "channel_access_token": "t0ken"}
    assert settings.agents[0].skills == {"english": 3}
    assert settings.policy.rules[0].when.words == ("見積",)
    assert settings.policy.classes["chat"].weight == 10
    assert isinstance(settings.store.url, Secret)
    assert settings.store.url.reveal() == "redis://user:pass@db:6379/0"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[servce]\n", "m.toml, line 1, column 1: servce: unknown key; did you mean service?"),
        ("\n[http]\nlisten_on = 1\n", "m.toml, line 3, column 1: http.listen_on: unknown key; did you mean listen?"),
        ("[store]\nURL = 'x'", "m.toml, line 2, column 1: store.URL: unknown key; did you mean url?"),
        (
            "[[agents]]\nid = 'a'\nname = 'A'\n[[agents]]\nid = 'b'\nname = 'B'\nskils = {}",
            "m.toml, line 7, column 1: agents[1].skils: unknown key; did you mean skills?",
        ),
        (
            "[[policy.rules]]\nname = 'x'\n[policy.rules.when]\nword = []",
            "m.toml, line 4, column 1: policy.rules[0].when.word: unknown key; did you mean words?",
        ),
        (
            "[shards]\nconversation = '16'",
            "m.toml, line 2, column 16: shards.conversation: expected a whole number, got text",
        ),
        ("[shards]\nconversation = 0", "m.toml, line 2, column 16: shards.conversation: expected a whole number >= 1"),
        ("shards = 16", "m.toml, line 1, column 10: shards: expected a table, got a whole number"),
        (
            "[http]\ntrusted_proxies = '10.0.0.0/8'",
            "line 2, column 19: http.trusted_proxies: expected a list, got text",
        ),
        ("[http]\nlisten = 'localhost'", "m.toml, line 2, column 10: http.listen: not an address: 'localhost'; write"),
        (
            "[store]\ndurability = 'fast'",
            "m.toml, line 2, column 14: store.durability: invalid enum value 'fast'; known here: memory, disk, replica",
        ),
        ("[accounts.web]\ngrouping = 'thread'", "m.toml, line 1, column 1: accounts.web.connector: missing; set it"),
        ("[accounts.Web]\nconnector = 'webchat'", "m.toml, line 1, column 1: accounts.Web: not a name for an account"),
        ("[service]\nsecret = 'short'", "m.toml, line 2, column 10: service.secret: shorter than 32 characters"),
        ("[media]\nkind = 's3'", "m.toml, line 1, column 1: media.s3: missing; set [media.s3] bucket"),
        ("[[agents]]\nid='a'\nname='A'\n[[agents]]\nid='a'\nname='B'", "agents[1].id: 'a' is there twice"),
        ("[http\n", "m.toml, line 1, column 6: not TOML: "),
        ("a = 1\na = 2\n", "m.toml, line 2, column 6: not TOML: Cannot overwrite a value"),
    ],
)
def test_mistake_is_told_with_place_and_remedy(text: str, told: str) -> None:
    (found,) = problems(text)
    assert told in found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[[policy.queues]]\nname = "default"\norder = "longest"\n',
            "line 3, column 9: policy.queues[0].order: invalid enum value 'longest'; did you mean longest_idle?",
        ),
        (
            '[[policy.rules]]\nname = "a"\nqueue = "defualt"\n',
            "m.toml, line 3, column 9: policy.rules[0].queue: there is no queue 'defualt'; did you mean 'default'?",
        ),
        (
            '[policy]\nrules = [\n  { name = "a", tags = ["x"] },\n  { name = "b", queue = "nihgt" },\n]\n',
            "m.toml, line 4, column 25: policy.rules[1].queue: there is no queue 'nihgt'",
        ),
        (
            '[[policy.rules]]\nname = "a"\ntags = ["t"]\nwhen.open = ["x",  # why\n "y"]\n[policy.calendars.x]',
            "m.toml, line 5, column 2: policy.rules[0].when.open[1]: there is no calendar 'y'",
        ),
        (
            "[policy.calendars.'the \"office\"']\nzone = 'Asia/Tokio'",
            "m.toml, line 2, column 8: policy.calendars.the \"office\".zone: there is no time zone 'Asia/Tokio'",
        ),
        (
            '[policy.texts]\nx = { en = """\n{ "a" }\n""" }\n[policy.slas.gold]\nfirst_response_s = 0',
            "m.toml, line 6, column 20: policy.slas.gold.first_response_s: must be at least 1 second",
        ),
        (
            '[[policy.queues]]\nname = "default"\n[[policy.queues]]\nname = "b"\n[[policy.queues.overflow]]\n'
            'when = "closed"\ndo = "queue"\nqueue = "c"',
            "m.toml, line 8, column 9: policy.queues[1].overflow[0].queue: there is no queue 'c'",
        ),
    ],
)
def test_mistake_in_the_policy_is_told_with_place_and_nearest_name(text: str, told: str) -> None:
    (found,) = problems(text)
    assert told in found


def test_all_mistakes_are_told_at_once() -> None:
    found = problems("[http]\nlisten = 1\nbody_timeut_s = 2\n[shards]\nconversation = 'x'\n", MADOGUCHI_STOR_URL="x")
    assert len(found) == 4


@pytest.mark.parametrize(
    "text", ["[store]\nurl = 5", "[service]\nsecret = ['c4n4ry']", "[media.s3]\nbucket='b'\nsecret_key = {c4n4ry = 1}"]
)
def test_wrong_secret_is_not_quoted(text: str) -> None:
    (found,) = problems(text)
    assert "got" in found
    assert "c4n4ry" not in found


# -- the environment ------------------------------------------------------------------------------------------------


def test_environment_wins_and_is_typed() -> None:
    environ = {
        "MADOGUCHI_STORE_URL": "redis://other",
        "MADOGUCHI_HTTP_LISTEN": "0.0.0.0:8081",
        "MADOGUCHI_SHARDS__CONVERSATION": "32",
        "MADOGUCHI_HTTP__TRUSTED_PROXIES": "10.0.0.0/8, ::1",
        "MADOGUCHI_POLICY__PRESENCE_GRACE_S": "5",
        "MADOGUCHI_ACCOUNTS__SHOP_LINE__CHANNEL_SECRET": "123456",
        "MADOGUCHI_ACCOUNTS__SHOP_LINE__ENABLED": "false",
        "MADOGUCHI_ACCOUNTS__HOOK__CONNECTOR": "webhook",
        "MADOGUCHI_ACCOUNTS__HOOK__TOLERANCE_S": "60",
        "MADOGUCHI_CONFIG": "elsewhere.toml",
        "PATH": "/bin",
    }
    settings = read(FULL, "m.toml", environ)
    assert settings.store.url == "redis://other"
    assert settings.http.listen == "0.0.0.0:8081"
    assert settings.shards.conversation == 32
    assert settings.http.trusted_proxies == ("10.0.0.0/8", "::1")
    assert settings.policy.presence_grace_s == 5
    assert settings.accounts["shop-line"].options["channel_secret"] == "123456"
    assert settings.accounts["shop-line"].enabled is False
    assert settings.accounts["hook"].options == {"tolerance_s": 60}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("MADOGUCHI_STOR__URL", "x", "unknown variable MADOGUCHI_STOR__URL"),
        ("MADOGUCHI_STORE__ULR", "x", "MADOGUCHI_STORE__ULR: unknown setting; did you mean url?"),
        ("MADOGUCHI_SHARDS__CONVERSATION", "many", "MADOGUCHI_SHARDS__CONVERSATION: expected a whole number, got text"),
        ("MADOGUCHI_AGENTS", "aoi", "MADOGUCHI_AGENTS: a table cannot be set by a variable; set it in the file"),
        ("MADOGUCHI_HTTP_LISTEN", "nowhere", "environment variable MADOGUCHI_HTTP_LISTEN: http.listen: not an address"),
    ],
)
def test_mistake_in_the_environment_names_the_variable(name: str, value: str, told: str) -> None:
    (found,) = problems("", **{name: value})
    assert told in found


@pytest.mark.parametrize(
    "name",
    [
        "MADOGUCHI_SERVICE_HOST",
        "MADOGUCHI_SERVICE_PORT",
        "MADOGUCHI_SERVICE_PORT_HTTP",
        "MADOGUCHI_PORT",
        "MADOGUCHI_PORT_8080_TCP",
        "MADOGUCHI_PORT_8080_TCP_ADDR",
        "MADOGUCHI_EDGE_SERVICE_HOST",
        "MADOGUCHI_EDGE_PORT_8080_TCP_PROTO",
    ],
)
def test_variables_that_kubernetes_makes_for_a_service_called_madoguchi_are_passed_over(name: str) -> None:
    assert read("", None, {name: "tcp://10.0.0.1:8080"}) == Settings()


def test_port_of_an_account_is_not_taken_for_one_of_kubernetes() -> None:
    text = '[accounts.mail]\nconnector = "email"\naddress = "a@shop.example"\nsmtp_host = "mail"\nsmtp_port = 25\n'
    settings = read(text, None, {"MADOGUCHI_ACCOUNTS__MAIL__SMTP_PORT": "2526"})
    assert settings.accounts["mail"].options["smtp_port"] == 2526


# -- secret files ---------------------------------------------------------------------------------------------------


def secret_file(folder: Path, text: str = "redis://from-file\n", mode: int = 0o600) -> Path:
    file = folder / "secret.txt"
    file.write_text(text)
    file.chmod(mode)
    return file


def test_secret_from_a_file(tmp_path: Path) -> None:
    file = secret_file(tmp_path)
    assert read(f"[store]\nurl_file = '{file}'", None, {}).store.url == "redis://from-file"
    assert read("", None, {"MADOGUCHI_STORE_URL_FILE": str(file)}).store.url == "redis://from-file"
    assert read("", None, {"MADOGUCHI_STORE__URL_FILE": str(file)}).store.url == "redis://from-file"


def test_environment_wins_over_the_other_form_in_the_file(tmp_path: Path) -> None:
    file = secret_file(tmp_path)
    assert (
        read("[store]\nurl = 'redis://a'", None, {"MADOGUCHI_STORE_URL_FILE": str(file)}).store.url
        == "redis://from-file"
    )
    assert read(f"[store]\nurl_file = '{file}'", None, {"MADOGUCHI_STORE_URL": "redis://b"}).store.url == "redis://b"


def test_both_forms_are_refused(tmp_path: Path) -> None:
    (found,) = problems(f"[store]\nurl = 'x'\nurl_file = '{secret_file(tmp_path)}'")
    assert "line 3, column 12: store.url_file: url is set too; keep one of them" in found


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        ("x", 0o644, "every user of this machine can read"),
        ("", 0o600, "is empty"),
        ("x" * 70_000, 0o600, "is larger than 65536 bytes"),
    ],
)
def test_unfit_secret_file_is_refused(tmp_path: Path, text: str, mode: int, told: str) -> None:
    (found,) = problems(f"[store]\nurl_file = '{secret_file(tmp_path, text, mode)}'")
    assert told in found
    assert "line 2, column 12: store.url_file" in found


def test_missing_secret_file_is_told(tmp_path: Path) -> None:
    (found,) = problems("", MADOGUCHI_STORE_URL_FILE=str(tmp_path / "none"))
    assert "environment variable MADOGUCHI_STORE_URL_FILE" in found
    assert "cannot be read (No such file or directory)" in found


def test_file_of_a_key_that_is_no_secret_is_unknown() -> None:
    (found,) = problems("[service]\nname_file = '/etc/passwd'")
    assert "service.name_file: unknown key; did you mean name?" in found


# -- files and addresses --------------------------------------------------------------------------------------------


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read .*madoguchi init"):
        load(tmp_path / "none.toml", {})


def test_file_that_is_not_utf8(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_bytes("[service]\nname = '窓口'".encode("cp932"))
    with pytest.raises(SettingsError, match="is not UTF-8"):
        load(file, {})


def test_which_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_file(None, {}) is None
    assert find_file(None, {"MADOGUCHI_CONFIG": "/etc/m.toml"}) == Path("/etc/m.toml")
    assert find_file("mine.toml", {"MADOGUCHI_CONFIG": "/etc/m.toml"}) == Path("mine.toml")
    (tmp_path / "madoguchi.toml").write_text("")
    assert find_file(None, {}) == Path("madoguchi.toml")


@pytest.mark.parametrize(
    ("listen", "roles", "expected"),
    [
        (None, {"edge", "api", "worker"}, ("127.0.0.1", 8080)),
        (None, {"edge"}, ("127.0.0.1", 8080)),
        (None, {"api"}, ("127.0.0.1", 8081)),
        (None, {"worker"}, ("127.0.0.1", 8082)),
        ("0.0.0.0:1234", {"worker"}, ("0.0.0.0", 1234)),
        (":1234", {"edge"}, ("0.0.0.0", 1234)),
        ("[::1]:1234", {"edge"}, ("::1", 1234)),
        ("unix:/run/m.sock", {"edge"}, ("unix:/run/m.sock", 0)),
    ],
)
def test_address(listen: str | None, roles: set[str], expected: tuple[str, int]) -> None:
    text = f"[http]\nlisten = '{listen}'" if listen else ""
    assert address(read(text, None, {}), roles) == expected
