"""What the log says: engagement, lift, attribution."""
