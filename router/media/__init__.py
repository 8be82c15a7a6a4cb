"""Attachments and raw sources: bytes outside Redis, named by their hash, reached by expiring signed links."""
