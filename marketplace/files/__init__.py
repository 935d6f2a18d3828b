"""Documents: what they are, whom they concern, where they are kept; the files themselves lie elsewhere."""
