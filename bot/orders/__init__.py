"""Orders, products and the people who buy."""
