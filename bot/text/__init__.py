"""What a message says: words, products, signals, likeness. Pure; knows no database."""
