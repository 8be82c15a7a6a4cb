"""What Twilio's channels share: SMS, WhatsApp through Twilio, and the telephone."""
