"""What the world is to a ranking: themes and how close they are, countries and regions, rates of exchange."""
