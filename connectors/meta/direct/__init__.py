"""Direct messages of pages and accounts: what Messenger and Instagram have in common."""
