"""Full text for the rooms above: one index for both engines, filled by operations, asked by `q`.

An app that wants to be found calls ``operations.index`` whenever the words of a record change, and
``queries.search`` on rows that are already cut down to what the caller may see: the index itself knows no rights.
"""
