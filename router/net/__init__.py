"""Outward connections to addresses that others chose."""
