"""Tests of session models: random timelines against a plain calculation, and runs on changed input against full ones."""
