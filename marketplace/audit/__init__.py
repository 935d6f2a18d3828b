"""Who did what, when and why: append-only, no foreign keys, never read to decide."""
