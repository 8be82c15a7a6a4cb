"""The AsyncAPI document, judged by the schema that the AsyncAPI project publishes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from contracts import codec, export

PACKAGE = "@asyncapi/specs@6.11.1"


@pytest.fixture(scope="session")
def judge() -> Any:
    """The published schema of AsyncAPI 3.0, kept between runs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "madoguchi-tests" / "asyncapi"
    file = cache / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0-without-$id.json"
    if not file.exists():
        if shutil.which("npm") is None:
            pytest.skip("NOT TESTED: npm is not here, so the AsyncAPI document was not judged")
        cache.mkdir(parents=True, exist_ok=True)
        (cache / "package.json").write_text('{"private": true}')
        options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
        done = subprocess.run(["npm", "install", *options, PACKAGE], cwd=cache, capture_output=True, timeout=100)
        if done.returncode:
            pytest.skip("NOT TESTED: no package registry in reach, so the AsyncAPI document was not judged")
    return json.loads(file.read_text())


@pytest.mark.node
def test_the_document_is_asyncapi_3(judge: Any) -> None:
    validator = jsonschema.validators.validator_for(judge)(judge)
    assert [error.message[:200] for error in validator.iter_errors(export.asyncapi())] == []


def test_every_message_is_on_a_channel_and_every_channel_in_an_operation() -> None:
    document = export.asyncapi()
    on_channels = {name for channel in document["channels"].values() for name in channel["messages"]}
    assert on_channels == codec.EVENT_TYPES | codec.COMMAND_TYPES
    used = {operation["channel"]["$ref"].rpartition("/")[2] for operation in document["operations"].values()}
    assert used == set(document["channels"])


def test_times_are_said_to_be_times_and_fields_are_described() -> None:
    fields = export.asyncapi()["components"]["schemas"]["Message"]["properties"]
    assert fields["at"] == {"description": "When we accepted it.", "type": "string", "format": "date-time"}
    assert {"type": "string", "format": "date-time"} in fields["edited_at"]["anyOf"]
