"""The HTTP interface for programs: rooms, series and deliveries as JSON under /api/v1."""
