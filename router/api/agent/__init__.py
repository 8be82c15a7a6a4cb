"""The agents' WebSocket: presence, offers, conversations and typing, with nothing lost over a reconnect."""
