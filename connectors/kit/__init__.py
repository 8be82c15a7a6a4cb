"""What three or more connectors share, and what the host asks of all of them. Pure functions; import the modules."""
