"""The work table: claim, lease, fence, retry, dead letters; see docs/adr/0001-work-table.md."""
