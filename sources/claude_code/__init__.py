"""Claude Code transcripts: what a host's session files say. Whose they are and what they cost does not belong here."""
