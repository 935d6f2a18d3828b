"""`python -m clients.cli`: the marketplace from a shell. Needs nothing of the product but its catalogue of French texts."""
