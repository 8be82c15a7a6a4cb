"""The configuration: one TOML file, then the environment, checked as a whole."""

from __future__ import annotations

import pathlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from contracts.policy import Policy
from router.domain.policy.check import errors
from router.domain.reply.templates import faults
from router.settings.convert import convert
from router.settings.environment import CONFIG, Overlay, read_environment
from router.settings.listen import listen_address
from router.settings.locate import spot_of
from router.settings.mismatch import mismatches
from router.settings.problem import Problem, SettingsError
from router.settings.secret_file import fill_in
from router.settings.sections import Account, Enricher, Settings
from router.settings.shape import fields_of
from router.settings.unknown import UNKNOWN, unknown_keys

DEFAULT_FILE = "madoguchi.toml"
_ACCOUNT_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")


def load(file: pathlib.Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of ``file`` (None: of the environment alone) with the environment's on top.

    Raises:
        SettingsError: with everything that is wrong, each with file, line and what would be right.
    """
    text = "" if file is None else _text(file)
    return read(text, str(file) if file else None, environ)


def find_file(named: str | None, environ: Mapping[str, str]) -> pathlib.Path | None:
    """The configuration file: as named, else ``MADOGUCHI_CONFIG``, else ``madoguchi.toml`` here if there is one."""
    name = named or environ.get(CONFIG)
    if name:
        return pathlib.Path(name)
    here = pathlib.Path(DEFAULT_FILE)
    return here if here.is_file() else None


def read(text: str, source: str | None, environ: Mapping[str, str]) -> Settings:
    """As :func:`load`, from TOML text; ``source`` names it in problems."""
    raw = _parse(text, source)
    overlay = read_environment(environ, _table(raw, "accounts"))
    settings, problems = _settings(_merge(raw, overlay.raw))
    if settings is None or problems or overlay.problems:
        found = [_located(one, overlay, text, source) for one in (*problems, *overlay.problems)]
        raise SettingsError(found, settings)
    return settings


def policy_of_file(file: pathlib.Path) -> tuple[str, Policy, bool]:
    """The file's text, and the policy in it, which may be all of the file (then True) or the ``[policy]`` of one.

    Raises:
        SettingsError: with everything that is wrong, each with file, line and column.
    """
    text = _text(file)
    raw = _parse(text, str(file))
    alone = not isinstance(raw.get("policy"), dict)
    table, path = (raw, ()) if alone else (raw["policy"], ("policy",))
    problems = [*unknown_keys(table, Policy, path), *mismatches(table, Policy, path)]
    policy = Policy() if problems else convert(table, Policy)
    problems += [Problem((*path, *one.place[1:]), one.sentence) for one in errors(policy)]
    if problems:
        raise SettingsError([located(one, text, str(file)) for one in problems])
    return text, policy, alone


def _text(file: pathlib.Path) -> str:
    try:
        return file.read_text("utf-8")
    except OSError as error:
        cause = f"cannot be read ({error.strerror})"
        raise SettingsError(
            [Problem((), cause, "name another with --config, or write one with: madoguchi init", str(file))]
        ) from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            [Problem((), f"is not UTF-8 (byte {error.start})", "save it as UTF-8", str(file))]
        ) from None


def _parse(text: str, source: str | None) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        found = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        cause = f"not TOML: {str(error)[: found.start()] if found else error}"
        line, column = (int(found[1]), int(found[2])) if found else (None, None)
        raise SettingsError([Problem((), cause, file=source, line=line, column=column)]) from None


def _table(raw: dict[str, Any], key: str) -> dict[str, Any]:
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """``above`` wins; where it sets a secret, the same secret's file of ``below`` no longer counts, and the reverse."""
    merged = {key: value for key, value in below.items() if not _replaced(key, above)}
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _replaced(key: str, above: dict[str, Any]) -> bool:
    return f"{key}_file" in above or (key.endswith("_file") and key.removesuffix("_file") in above)


def _settings(raw: dict[str, Any]) -> tuple[Settings | None, list[Problem]]:
    problems: list[Problem] = []
    filled = fill_in(_with_options(raw), Settings, (), problems)
    problems += unknown_keys(filled, Settings)
    problems += mismatches(filled, Settings)
    if problems:
        return None, problems
    settings = convert(filled, Settings)
    return settings, list(_inconsistent(settings))


def _with_options(raw: dict[str, Any]) -> dict[str, Any]:
    """Each account's table split in the host's keys and the connector's; and each enricher's."""
    for section, kind in (("accounts", Account), ("enrichers", Enricher)):
        tables = raw.get(section)
        if isinstance(tables, dict):
            raw = raw | {section: {name: _split(table, kind) for name, table in tables.items()}}
    return raw


def _split(table: Any, kind: type[msgspec.Struct]) -> Any:
    if not isinstance(table, dict):
        return table
    ours = set(fields_of(kind)) - {"options"}
    return {key: value for key, value in table.items() if key in ours} | {
        "options": {key: value for key, value in table.items() if key not in ours}
    }


def _inconsistent(settings: Settings) -> Iterator[Problem]:
    for name in settings.accounts:
        if not _ACCOUNT_NAME.match(name):
            yield Problem(("accounts", name), "not a name for an account", "use a-z, 0-9, - and _, at most 63 of them")
    for name in settings.enrichers:
        if not _ACCOUNT_NAME.match(name):
            remedy = "use a-z, 0-9, - and _, at most 63 of them"
            yield Problem(("enrichers", name), "not a name for an enricher", remedy)
    if settings.service.secret is not None and len(settings.service.secret) < 32:
        yield Problem(("service", "secret"), "shorter than 32 characters", "make one with: openssl rand -hex 32")
    if settings.media.kind == "s3" and settings.media.s3 is None:
        yield Problem(("media", "s3"), "missing", 'set [media.s3] bucket, or kind = "directory"')
    if settings.http.listen is not None and listen_address(settings.http.listen) is None:
        cause = f"not an address: {settings.http.listen!r}"
        yield Problem(("http", "listen"), cause, 'write "host:port", "[::]:port" or "unix:/path"')
    if not settings.service.public_url.startswith(("http://", "https://")):
        yield Problem(("service", "public_url"), "not a web address", "write https://host, without a path at its end")
    yield from _same_agents(settings)
    yield from (Problem(problem.place, problem.sentence) for problem in errors(settings.policy))
    for name, template in settings.templates.items():
        yield from (Problem(("templates", name), fault, "see [templates.NAME]") for fault in faults(template))


def _same_agents(settings: Settings) -> Iterator[Problem]:
    ids: set[str] = set()
    for index, agent in enumerate(settings.agents):
        if agent.id in ids:
            yield Problem(("agents", index, "id"), f"{agent.id!r} is there twice", "give each agent an id of their own")
        ids.add(agent.id)


def _located(problem: Problem, overlay: Overlay, text: str, source: str | None) -> Problem:
    if problem.file is not None:
        return problem
    name = overlay.names.get(problem.path) or overlay.names.get((*problem.path[:-1], f"{problem.path[-1]}_file"))
    if name is not None:
        return replace(problem, file=f"environment variable {name}")
    return located(problem, text, source)


def located(problem: Problem, text: str, source: str | None) -> Problem:
    """The problem with its place in the file: of the key when the key is wrong, otherwise of the value."""
    spot = spot_of(text, problem.path, of_key=problem.cause == UNKNOWN)
    return replace(problem, file=source, line=spot and spot.line, column=spot and spot.column)
