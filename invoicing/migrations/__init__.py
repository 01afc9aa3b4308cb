"""Migrations of schema `billing`."""
