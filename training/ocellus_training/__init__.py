"""Training of Ocellus' default model bundle."""
