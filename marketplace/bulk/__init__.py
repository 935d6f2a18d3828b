"""Many records at once: files read into the same operations that single writes go through (docs/bulk.md)."""
