"""Clockify by its REST API: what it returns and when it is read. What time is worth does not belong here."""
