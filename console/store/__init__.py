"""Accounts and what they refer to, in SQL: functions that take a Database or Transaction. No HTTP, no HTML."""
