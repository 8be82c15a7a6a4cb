"""What accounts of Messenger and Instagram have in common."""

from __future__ import annotations

from connectors.meta.settings import MetaSettings


class DirectSettings(MetaSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Beside what every account at Meta has."""

    human_agent: bool = False
    """The app has the feature *Human Agent* (App Review): people may answer for seven days instead of one."""
