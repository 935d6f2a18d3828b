"""What a run was made from, as bytes: written canonically, digested, and read back strictly so that it can be replayed."""
