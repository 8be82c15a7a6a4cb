"""The agents' page and the quickstart page: static files with a strict policy, asking nobody else for anything."""

from router.console.pages import QuickstartFacts, add_console

__all__ = ["QuickstartFacts", "add_console"]
