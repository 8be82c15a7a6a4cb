"""The shard engine: ordered commands in, state and events out, exactly once."""
