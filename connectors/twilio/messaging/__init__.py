"""What SMS and WhatsApp share: Twilio's Messaging."""
