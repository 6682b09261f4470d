"""The console, asked as browsers and programs ask it, on real databases."""
