"""Engagements, what belongs to them, and the partners' last word, over HTTP."""
