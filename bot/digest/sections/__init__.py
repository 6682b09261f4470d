"""The parts of a digest: each turns a view into prepared words and numbers."""
