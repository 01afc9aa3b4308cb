"""Jira Cloud and Data Center: issues, their changelog, fields, projects and users. No other system is known here."""
