"""When, where and by what rules: settings, engines, schedules, command line. No vendor's format belongs here."""
