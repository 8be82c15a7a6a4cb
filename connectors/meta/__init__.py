"""What Meta's channels share: WhatsApp, Messenger and Instagram."""
