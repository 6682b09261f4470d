"""The schema, from its first day on."""
