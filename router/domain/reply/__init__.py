"""The reply policy: what can be said to a customer, on which way and until when, decided before anything is sent."""
