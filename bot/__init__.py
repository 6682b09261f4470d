"""Qunyun: a private-community operations bot (the running system)."""
