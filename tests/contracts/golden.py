"""The golden bytes. ``python -m tests.contracts.golden`` adds a file for each type whose fullest value has none yet."""

from __future__ import annotations

from pathlib import Path

from contracts.codec import encode
from contracts.export import COMMANDS, EVENTS, name_of
from tests.contracts.samples import sample

FOLDER = Path(__file__).parent / "golden" / "v1"
TYPES = [("event", kind) for kind in EVENTS] + [("command", kind) for kind in COMMANDS]


def golden(kind: str, name: str) -> list[bytes]:
    """All golden bytes of a type."""
    files = [FOLDER / f"{kind}.{name}.hex", *sorted(FOLDER.glob(f"{kind}.{name}+*.hex"))]
    return [bytes.fromhex(file.read_text()) for file in files if file.exists()]


def add() -> list[str]:
    """Writes what is missing; never changes a file."""
    made: list[str] = []
    FOLDER.mkdir(parents=True, exist_ok=True)
    for kind, cls in TYPES:
        data, known = encode(sample(cls)), golden(kind, name_of(cls))
        if data in known:
            continue
        file = FOLDER / f"{kind}.{name_of(cls)}{f'+{len(known)}' if known else ''}.hex"
        file.write_text("\n".join(data.hex()[at : at + 120] for at in range(0, len(data.hex()), 120)) + "\n")
        made.append(file.name)
    return made


if __name__ == "__main__":
    add()
