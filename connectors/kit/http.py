"""What HTTP answers say: the interface's own meanings, under the names that channels have for them."""

from __future__ import annotations

from connectors.api import default_interpret as interpret
from connectors.api import retry_after
from connectors.api.connector import LONGEST_WAIT_S

__all__ = ["LONGEST_WAIT_S", "interpret", "retry_after"]
