"""What the demonstration says when it is ready: two links and a token."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from router.api.tokens import Scope, TokenStore
from router.cli.ask import base_url
from router.console import QuickstartFacts
from router.settings import Settings

_NAME = "quickstart"
_AGENT: tuple[Scope, ...] = ("read", "reply", "assign")


def quickstart_facts() -> QuickstartFacts:
    """What the page tells a newcomer to type."""
    return QuickstartFacts(webchat="web", email=f"{program()} try email", line=f"{program()} try line")


def program() -> str:
    """How this very program is called from the folder where it was started."""
    own = Path(sys.argv[0])
    if own.name != "madoguchi" or shutil.which("madoguchi") == str(own.resolve()):
        return "madoguchi"
    return os.path.relpath(own)


async def welcome(settings: Settings, tokens: TokenStore) -> None:
    """Makes a token for each agent and one for everything, in place of those of the last start, and prints them."""
    for old in await tokens.all():
        if old.name == _NAME:
            await tokens.revoke(old.id)
    agents = {agent.id: (await tokens.create(_NAME, _AGENT, agent=agent.id))[1] for agent in settings.agents}
    _, admin = await tokens.create(_NAME, ("admin",))
    first, *others = agents.items()
    url = base_url(settings)
    lines = [
        "",
        f"  customer and agent side by side   {url}/quickstart#token={first[1]}",
        f"  the agent's console               {url}/console#token={first[1]}&presence=online",
        *(f"  the console of {id:19}{url}/console#token={token}&presence=online" for id, token in others),
        f"  token for the API                 {admin}",
        "",
        f"  in another terminal: {program()} try email, {program()} try line",
        "",
    ]
    print("\n".join(lines), file=sys.stdout, flush=True)
