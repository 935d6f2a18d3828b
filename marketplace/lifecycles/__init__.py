"""What everything with a life cycle shares: the one writer of state, deadlines, allowed actions."""
