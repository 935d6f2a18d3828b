"""Formats of the field, as such: what a representation is, and how Atom, iCalendar, linked data and XML are written and
held against their rules. Nothing here knows what is told in them; apps say that beside their shapes.
"""
