"""A day of traffic under another policy: the dispatch rules in memory with a virtual clock, and what came of it."""
