"""Email: in by an LMTP or SMTP port and by IMAP, out by SMTP."""
