"""Tempo Cloud: worklogs, their deletions and accounts. No other system is known here."""
