"""The log: one event a line on stderr, JSON, or text on a terminal.

Everything passes one gate (:class:`Gate`): fields that are not listed in ``fields.py`` do not pass, an event's name is
a name and no prose, an exception is told by its class and its places in the code and never by its message. Records of
libraries pass the same gate; of those only the constant template is kept, never what was filled into it.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any, Final, Literal, TextIO

import structlog

from connectors.api import Secret
from router.observe import events
from router.observe.fields import ALLOWED

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "text"]

_NAME: Final = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$")
_LONGEST: Final = 300
_FRAMES: Final = 12
_SILENT: Final = ("aiohttp.access",)
_WARNINGS_ONLY: Final = ("asyncio", "mail.log", "mail.debug")
"""Their information is ours already, or (aiosmtpd) an address a line."""


@dataclass(slots=True)
class Gate:
    """What may be written. ``dropped`` counts what was kept out, by field; a metric shows it."""

    dropped: dict[str, int]

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return dict(self._passing(event))

    def _passing(self, event: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        name = event.get("event")
        if not isinstance(name, str) or not _NAME.match(name):
            self._drop("event")
            name = events.PROSE
        yield "event", name
        for key, value in event.items():
            if key in ALLOWED and key != "event":
                yield key, _plain(value)
            elif key != "event" and not key.startswith("_"):
                self._drop(key)

    def _drop(self, key: str) -> None:
        # The name itself could have been made from a body.
        name = (
            key
            if key.isidentifier() and len(key) < 40 and (key in self.dropped or len(self.dropped) < 100)
            else "other"
        )
        self.dropped[name] = self.dropped.get(name, 0) + 1


def configure(level: Level, form: Format, dropped: dict[str, int], stream: TextIO | None = None) -> None:
    """Sets up the process's log; libraries that use ``logging`` are routed through it. Call it once, at start."""
    out = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*_chain(Gate(dropped)), _renderer(form, out)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        # Cached loggers would keep an earlier configuration (and a closed stream) in tests.
        cache_logger_on_first_use=False,
    )
    _route_libraries(max(number, logging.INFO))


def _chain(gate: Gate) -> list[structlog.types.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _tell_exception,
        gate,
    ]


def _renderer(form: Format, out: TextIO) -> structlog.types.Processor:
    if form == "text" or (form == "auto" and out.isatty()):
        return structlog.dev.ConsoleRenderer(colors=out.isatty(), timestamp_key="at")
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _plain(value: Any) -> Any:
    """A secret is a ``str``, and would be written as one."""
    if isinstance(value, Secret):
        return "***"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in list(value)[:20]]
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


# -- exceptions -----------------------------------------------------------------------------------------------------


def _tell_exception(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """``exc_info`` as ``error`` and ``trace``. Its message may quote what it choked on, so it is left out."""
    error = _exception(event.pop("exc_info", None))
    event.pop("stack_info", None)
    if error is not None:
        event["error"] = error_name(error)
        event["trace"] = places(error.__traceback__)
    return event


def _exception(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple) and len(given) == 3 and isinstance(given[1], BaseException):
        return given[1]
    return sys.exc_info()[1] if given else None


def error_name(error: BaseException) -> str:
    """The class of an exception and of those that it came from: ``StoreUnavailable from ConnectionResetError``."""
    names = [type(error).__name__]
    while len(names) < 5 and (cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__)):
        names.append(type(cause).__name__)
        error = cause
    return " from ".join(names)


def places(trace: TracebackType | None) -> str:
    """Where it happened, outermost first: ``shards/owner.py:120 step > store/lane.py:88 ask``."""
    frames: Sequence[traceback.FrameSummary] = traceback.extract_tb(trace)[-_FRAMES:]
    return " > ".join(f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames)[-_LONGEST:]


def _short(file: str) -> str:
    return "/".join(Path(file).parts[-2:])


# -- libraries ------------------------------------------------------------------------------------------------------


class Library(logging.Handler):
    """Takes the records of ``logging``."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record as an event of ours; what was filled into its template is left out."""
        try:
            log = structlog.get_logger()
            log.log(record.levelno, events.LIBRARY, **_record(record))
        except Exception:
            self.handleError(record)


def _record(record: logging.LogRecord) -> dict[str, Any]:
    template = record.msg if isinstance(record.msg, str) and _is_constant(record) else None
    told = {"logger": record.name, "place": f"{_short(record.pathname)}:{record.lineno}", "exc_info": record.exc_info}
    return told | ({"template": template} if template else {})


def _is_constant(record: logging.LogRecord) -> bool:
    """Does the text stand in the caller's code as it is? A text that was put together may quote a customer."""
    code = _caller(record, sys._getframe())
    return code is not None and record.msg in code.co_consts


def _caller(record: logging.LogRecord, frame: FrameType | None) -> CodeType | None:
    while frame is not None:
        code = frame.f_code
        if code.co_filename == record.pathname and code.co_name == record.funcName:
            return code
        frame = frame.f_back
    return None


def _route_libraries(level: int) -> None:
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, Library)]:
        root.removeHandler(handler)
    root.addHandler(Library())
    root.setLevel(level)
    for name in _SILENT:
        logging.getLogger(name).disabled = True
    for name in _WARNINGS_ONLY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)


def tell_loop_error(loop: Any, context: Mapping[str, Any]) -> None:
    """For ``loop.set_exception_handler``: asyncio's own words would quote the exception's message."""
    error = context.get("exception")
    structlog.get_logger().error(events.LOOP_ERROR, exc_info=error if isinstance(error, BaseException) else None)
