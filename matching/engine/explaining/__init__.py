"""Reasons: of each candidate, of what falls short, and of what would have to change for another answer."""
