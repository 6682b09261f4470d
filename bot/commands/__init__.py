"""The commands of `qunyun`, a file per subject."""
