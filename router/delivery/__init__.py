"""Delivery: what the conversation rules asked to be sent, fetched or looked up, done by the shard's owner."""
