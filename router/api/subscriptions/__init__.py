"""Event subscriptions: the events as signed webhooks."""
