"""Texts: their words, the themes that they name, and how alike two of them read, in whole numbers."""
