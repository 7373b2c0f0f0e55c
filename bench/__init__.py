"""Measurements, each with the command that gives it; the figures in the README come from here."""
