"""Enrichers: plugins that find out more about a customer or their words, beside routing and never in its way."""
