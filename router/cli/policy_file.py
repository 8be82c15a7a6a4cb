"""The policy that a command works with: a TOML file of its own, or the configuration's ``[policy]``."""

from __future__ import annotations

import argparse
import pathlib
from collections.abc import Collection
from dataclasses import dataclass

from connectors import registry
from connectors.registry import RegistryError
from contracts.policy import Policy
from router.cli.configuration import configuration, file_of, name_of
from router.domain.policy.problem import PolicyProblem
from router.settings import Problem, Settings, SettingsError
from router.settings.load import located, policy_of_file


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """``alone``: the file has nothing else. ``settings``: of the configuration beside it; None when none could be read.
    ``classes``: the channel classes that its accounts bring; None when that is not known."""

    name: str
    text: str
    alone: bool
    policy: Policy
    settings: Settings | None
    classes: Collection[str] | None

    def located(self, problem: PolicyProblem) -> Problem:
        """With the place in the file: what is wrong with agents is not in a policy's own file."""
        path = problem.place
        if not self.alone or path[0] != "policy":
            return located(Problem(path, problem.sentence), "" if self.alone else self.text, self.name)
        return located(Problem(path[1:], problem.sentence), self.text, self.name)


def policy_file(arguments: argparse.Namespace) -> PolicyFile:
    """What the arguments name.

    Raises:
        SettingsError: with everything that is wrong, each with file, line and column.
    """
    if arguments.file is None:
        settings = configuration(arguments)
        file = file_of(arguments)
        text = file.read_text("utf-8") if file is not None and not arguments.quickstart else ""
        return PolicyFile(
            name_of(arguments), text, False, settings.policy, settings, classes_of(settings, settings.policy)
        )
    text, policy, alone = policy_of_file(pathlib.Path(arguments.file))
    beside = _beside(arguments)
    classes = None if beside is None else classes_of(beside, policy)
    return PolicyFile(arguments.file, text, alone, policy, beside, classes)


def _beside(arguments: argparse.Namespace) -> Settings | None:
    """The configuration, for its agents and accounts, if it can be read: it is not what is looked at."""
    try:
        return configuration(arguments)
    except SettingsError:
        return None


def classes_of(settings: Settings, policy: Policy) -> Collection[str] | None:
    """The channel classes of the accounts, and those that the policy prices; None when an account's connector is not
    there, or there are no accounts."""
    if not settings.accounts:
        return None
    try:
        kinds = [registry.load(account.connector).manifest for account in settings.accounts.values()]
    except RegistryError:
        return None
    return {manifest.channel_class for manifest in kinds} | set(policy.classes)
