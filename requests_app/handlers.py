"""What this app does when something became true elsewhere."""
