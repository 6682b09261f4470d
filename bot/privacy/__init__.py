"""What we hold of one person: told on request, erased on request (docs/privacy.md)."""
