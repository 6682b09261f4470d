"""The HTTP interface for programs under /api/v1: JSON in and out, a noun a file."""
