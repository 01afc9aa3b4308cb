"""When, where and by what rules: settings, engines, schedules, the command line. Vendors' formats do not belong here."""
