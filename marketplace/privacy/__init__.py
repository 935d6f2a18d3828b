"""What is held about a person, how it is handed over, and how it is erased."""
