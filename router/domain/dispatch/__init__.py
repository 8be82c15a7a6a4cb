"""The dispatch rules: who gets which work, when, and why. Pure; see README.md."""
