"""The business's own decisions, read from CSV files. What they mean for a bill does not belong here."""
