"""Plain Python that every room stands on: no Django, no input or output, no clock."""
