"""Shapes of what is agreed and delivered: `inputs`, `engagements`, `parts`."""
