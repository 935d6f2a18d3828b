"""Hard constraints: which offers and which of their deliveries could serve a line at all. None is made up for by a good score."""
