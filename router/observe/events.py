"""Names of what the log tells, each spelt once. What belongs to one file alone may be named there, in the same form."""

from __future__ import annotations

from typing import Final

# The process
SERVICE_STARTED: Final = "service.started"
SERVICE_READY: Final = "service.ready"
SERVICE_DRAINING: Final = "service.draining"
SERVICE_STOPPED: Final = "service.stopped"
PROCESS_STARTED: Final = "process.started"
PROCESS_DIED: Final = "process.died"
PROCESS_KILLED: Final = "process.killed"
LOOP_STALLED: Final = "loop.stalled"
LOOP_ERROR: Final = "loop.error"

# Tasks
TASK_FAILED: Final = "task.failed"
TASK_RETURNED: Final = "task.returned"
TASK_STUCK: Final = "task.stuck"

# Health
COMPONENT_OK: Final = "component.ok"
COMPONENT_DEGRADED: Final = "component.degraded"
COMPONENT_FAILED: Final = "component.failed"

# Intake and delivery
REQUEST_REFUSED: Final = "request.refused"
REQUEST_FAILED: Final = "request.failed"
MESSAGE_RECEIVED: Final = "message.received"
MESSAGE_IGNORED: Final = "message.ignored"
MESSAGE_MALFORMED: Final = "message.malformed"
MESSAGE_SENT: Final = "message.sent"
MESSAGE_FAILED: Final = "message.failed"
MESSAGE_UNCERTAIN: Final = "message.uncertain"
MEDIA_FETCHED: Final = "media.fetched"
MEDIA_FAILED: Final = "media.failed"

# Shards
SHARD_TAKEN: Final = "shard.taken"
SHARD_LOST: Final = "shard.lost"
SHARD_GIVEN_UP: Final = "shard.given_up"
COMMAND_DEAD: Final = "command.dead"

# Log records that were not ours, and what was kept out
LIBRARY: Final = "library.log"
PROSE: Final = "log.prose"
