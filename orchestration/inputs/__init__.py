"""What each source is given to read: its own settings, the sandbox, the reference folder."""
