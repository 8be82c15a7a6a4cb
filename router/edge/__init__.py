"""The edge: hosts the connectors' receiving side, and takes nothing that is not durable."""
