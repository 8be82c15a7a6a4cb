"""``madoguchi rehearse``: a day of traffic under another policy, beside the present one."""

from __future__ import annotations

import argparse
import gc
import os
import pathlib
from collections.abc import Sequence
from datetime import datetime

import msgspec

from contracts.codec import iso, moment
from contracts.decision import Decision
from contracts.policy import Policy
from router.cli.configuration import config_option
from router.cli.failure import Failure, Misused
from router.cli.progress import Progress
from router.cli.show import json_option, print_json, show
from router.cli.traffic import Against, against, traffic
from router.cli.why import language_of
from router.domain.hours.zone import zone as zone_of
from router.domain.why.story import story
from router.rehearse.chart import chart
from router.rehearse.compare import Changed, Changes, changes
from router.rehearse.day import Day
from router.rehearse.engine import Rehearsal
from router.rehearse.labels import labels
from router.rehearse.lines import written
from router.rehearse.measure import Figures, Stranded, figures
from router.rehearse.outcome import Outcome
from router.rehearse.page import page
from router.rehearse.sides import Sides
from router.rehearse.tell import cells_of, changed_lines, groups, name_of, rows, span
from router.settings.load import policy_of_file


class Rehearsed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is printed as JSON. ``changed``: at most ``--limit`` of them."""

    begin: str
    end: str
    within_s: float
    before_policy: str
    after_policy: str
    before: Figures
    after: Figures
    changes: Changes
    notes: tuple[str, ...] = ()
    conversation: dict[str, list[Decision]] = {}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--policy", metavar="FILE", help="the policy to rehearse: TOML with it alone, or with a [policy]"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--from", dest="source", metavar="stream|FILE", help="the live store's streams, or a recording")
    source.add_argument("--generate", metavar="FILE", help="TOML that says what traffic looks like; - for the defaults")
    parser.add_argument("--seed", type=int, default=1, help="of what is generated; default: 1")
    parser.add_argument(
        "--against", metavar="current|FILE", default="current",
        help="default: the policy of the recording, of the live store or of the configuration",
    )  # fmt: skip
    parser.add_argument("--record", metavar="FILE", help="write the traffic to a file, without what customers wrote")
    parser.add_argument("--with-text", action="store_true", help="with --record: also what customers wrote")
    parser.add_argument("--within", type=float, default=60.0, metavar="SECONDS", help="service level; default: 60")
    parser.add_argument("--conversation", metavar="ID", help="tell every step of this one under both policies")
    parser.add_argument("--limit", type=int, default=20, help="so many conversations are listed; default: 20")
    parser.add_argument("--html", metavar="FILE", help="write a page with figures and charts")
    parser.add_argument("--svg", metavar="FILE", help="write the charts alone")
    parser.add_argument("--language", help="en or ja; default: the terminal's")
    config_option(parser)
    json_option(parser)


def run(arguments: argparse.Namespace) -> int:
    language = language_of(arguments.language, os.environ)
    _check_usage(arguments)
    day, zone = traffic(arguments)
    if arguments.record:
        _record(day, arguments)
    if arguments.policy is None:
        return 0
    _, policy, _ = policy_of_file(pathlib.Path(arguments.policy))
    before = against(arguments, day)
    notes = (*day.notes, *_unread(day, (before.policy, policy)))
    if not arguments.json:
        for note in notes:
            print(note)
    sides, told = _both(arguments, day, before, policy, language, zone)
    _write(arguments, sides, told.changes, language)
    if arguments.json:
        print_json(msgspec.structs.replace(told, notes=notes))
    else:
        _print(arguments, sides, told, language)
    return 0


def _check_usage(arguments: argparse.Namespace) -> None:
    if arguments.policy is None and arguments.record is None:
        raise Misused("nothing to do: --policy FILE rehearses one, --record FILE keeps the traffic")
    if arguments.limit < 0 or arguments.within <= 0:
        raise Misused("--limit is 0 or more, and --within is above 0")
    if arguments.with_text and not arguments.record:
        raise Misused("--with-text belongs to --record")
    if arguments.policy is None and (arguments.html or arguments.svg or arguments.conversation):
        raise Misused("--html, --svg and --conversation need a --policy to rehearse")


def _record(day: Day, arguments: argparse.Namespace) -> None:
    try:
        with open(arguments.record, "wb") as file:
            file.writelines(written(day, arguments.with_text))
    except OSError as error:
        raise Failure(f"{arguments.record} cannot be written ({error.strerror})") from None
    kept = "with what customers wrote" if arguments.with_text and day.texts else "without what customers wrote"
    if not arguments.json:
        print(f"{arguments.record}: {len(day.cases)} conversations, {kept}")


def _unread(day: Day, policies: Sequence[Policy]) -> list[str]:
    """Rules that cannot hold because the recording has no texts."""
    if day.texts:
        return []
    names = [rule.name for one in policies for rule in one.rules if rule.when.words or rule.when.patterns]
    if not names:
        return []
    told = ", ".join(map(repr, dict.fromkeys(names)))
    return [f"the recording has no texts, so rules that look for words never hold: {told}; record with --with-text"]


# -- both policies -----------------------------------------------------------------------------------------------------


def _both(
    arguments: argparse.Namespace, day: Day, before: Against, policy: Policy, language: str, zone: str
) -> tuple[Sides, Rehearsed]:
    watched = [arguments.conversation] if arguments.conversation else []
    if watched and all(case.conversation != arguments.conversation for case in day.cases):
        raise Failure(f"there is no conversation {arguments.conversation!r} in this traffic")
    gc.freeze()  # the day stays: looking it over again and again only costs time
    old = _run(Rehearsal(day, before.policy, watched), before.name)
    new = _run(Rehearsal(day, policy, watched), arguments.policy)
    within = arguments.within
    sides = Sides(
        old, new, figures(old, within), figures(new, within), before.name, arguments.policy, within, zone, day.begin_ms
    )
    found = changes(old, new)
    return sides, Rehearsed(
        iso(moment(day.begin_ms)),
        iso(moment(day.end_ms)),
        within,
        before.name,
        arguments.policy,
        sides.before,
        sides.after,
        msgspec.structs.replace(found, all=found.all[: arguments.limit]),
        conversation=_decisions(arguments.conversation, old, new),
    )


def _run(rehearsal: Rehearsal, name: str) -> Outcome:
    progress = Progress(name)
    try:
        return rehearsal.run(progress.told)
    finally:
        progress.done()


def _decisions(conversation: str | None, old: Outcome, new: Outcome) -> dict[str, list[Decision]]:
    if conversation is None:
        return {}
    return {"before": old.decisions.get(conversation, []), "after": new.decisions.get(conversation, [])}


# -- telling -----------------------------------------------------------------------------------------------------------


def _write(arguments: argparse.Namespace, sides: Sides, found: Changes, language: str) -> None:
    words = labels(language)
    if arguments.html is not None:
        _save(arguments.html, page(sides, found, words, language))
    if arguments.svg is not None:
        _save(arguments.svg, chart(sides, words, language))


def _save(name: str, made: str) -> None:
    try:
        pathlib.Path(name).write_text(made, "utf-8")
    except OSError as error:
        raise Failure(f"{name} cannot be written ({error.strerror})") from None


def _print(arguments: argparse.Namespace, sides: Sides, told: Rehearsed, language: str) -> None:
    words = labels(language)
    print(
        words["summary"].format(
            conversations=f"{told.before.all.conversations:,}",
            agents=f"{told.before.occupancy.agents:,}",
            begin=_day(sides.begin_ms, sides.zone),
            end=_day(sides.old.end_ms, sides.zone),
        )
    )
    print(f"{words['before']}: {told.before_policy}; {words['after']}: {told.after_policy}\n")
    names = (words["figures"], words["before"], words["after"], words["difference"])
    lines = rows(told.before, told.after, told.within_s, words)
    show([dict(zip(names, line, strict=True)) for line in lines], False, "")
    for dimension in ("queue", "priority", "class"):
        _print_groups(dimension, told, words)
    _print_stranded(told.after.stranded, words)
    _print_changes(told.changes, words)
    for side, decisions in told.conversation.items():
        print(f"\n{arguments.conversation}, {words[side]}:")
        _print_story(decisions, language)


def _print_groups(dimension: str, told: Rehearsed, words: dict[str, str]) -> None:
    found = groups(dimension, told.before, told.after)
    if len(found) < 2:
        return
    print()
    level = words["within"].format(within=f"{told.within_s:g}")
    headings = (words["conversations"], words["p50"], words["p95"], level, words["kept"])
    listed = []
    for pair in found:
        cells = [
            f"{old or '-'} > {new or '-'}" if old != new else old
            for old, new in zip(*(cells_of(one, words) for one in pair), strict=True)
        ]
        listed.append({words[dimension]: name_of(pair), **dict(zip(headings, cells, strict=True))})
    show(listed, False, "")


def _print_stranded(found: Sequence[Stranded], words: dict[str, str]) -> None:
    if found:
        print()
    for one in found[:5]:
        said = words["stranded"].format(
            conversation=one.conversation, queue=one.queue, waited=span(one.waited_s, words)
        )
        print(f"{words['after']}: {said}")


def _print_changes(found: Changes, words: dict[str, str]) -> None:
    print()
    if not found.differing and not found.waits:
        print(words["same"])
        return
    print(words["changed"].format(changed=f"{found.differing:,}", **_counts(found)))
    if found.waits:
        print(words["waits"].format(waits=f"{found.waits:,}"))
    _print_list(found.all, found.differing, words)


def _counts(found: Changes) -> dict[str, str]:
    names = ("conversations", "queues", "agents", "ends")
    return {name: f"{getattr(found, name):,}" for name in names}


def _print_list(listed: Sequence[Changed], total: int, words: dict[str, str]) -> None:
    names = (words["conversation"], words["before"], words["after"])
    show([dict(zip(names, line, strict=True)) for line in changed_lines(listed, words)], False, "")
    if total > len(listed):
        print(words["and_more"].format(number=f"{total - len(listed):,}"))


def _print_story(decisions: Sequence[Decision], language: str) -> None:
    for step in story(decisions, language):
        print(f"{iso(step.at)}  {step.sentence}")
        for detail in step.details:
            print(f"    {detail}")


def _day(at_ms: int, zone: str) -> str:
    return datetime.fromtimestamp(at_ms / 1000, zone_of(zone)).strftime("%Y-%m-%d %H:%M")
