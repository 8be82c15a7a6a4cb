"""Which configuration a command works with."""

from __future__ import annotations

import argparse
import os
import pathlib

from router.cli.quickstart import FOLDER, quickstart_settings
from router.settings import Settings, find_file, load


def config_option(parser: argparse.ArgumentParser) -> None:
    """Adds ``--config``."""
    parser.add_argument(
        "--config", metavar="FILE", help="default: the file that MADOGUCHI_CONFIG names, else madoguchi.toml here"
    )
    parser.add_argument("--quickstart", action="store_true", help="the demonstration's configuration")


def configuration(arguments: argparse.Namespace) -> Settings:
    """The settings of file and environment; without a file, the demonstration's, if that has been started here.

    Raises:
        SettingsError: with everything that is wrong with them.
    """
    if arguments.quickstart or (file_of(arguments) is None and pathlib.Path(FOLDER).is_dir()):
        return quickstart_settings(os.environ)
    return service_configuration(arguments)


def service_configuration(arguments: argparse.Namespace) -> Settings:
    """For the service itself, which never takes the demonstration for what it should run."""
    if arguments.quickstart:
        return quickstart_settings(os.environ)
    return load(file_of(arguments), os.environ)


def file_of(arguments: argparse.Namespace) -> pathlib.Path | None:
    """The file that the settings come from; None when there is none."""
    return find_file(arguments.config, os.environ)


def name_of(arguments: argparse.Namespace) -> str:
    """What :func:`configuration` reads, for people."""
    file = file_of(arguments)
    if arguments.quickstart or (file is None and pathlib.Path(FOLDER).is_dir()):
        return "the demonstration's"
    return str(file) if file else "no file; defaults and environment"
