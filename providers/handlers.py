"""What this app does when something became true elsewhere: nothing. Others act on its events, downwards from them."""
