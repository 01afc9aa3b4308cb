"""A week unattended, in time-lapse: the real daemon on a made-up agency whose days are passed by moving the clock."""
