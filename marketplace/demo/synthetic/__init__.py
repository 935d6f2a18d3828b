"""Made-up needs and offerings in any number, the same for the same seed: for load, not for reading.

After `generate.py`, which made large data in the shape of the demo data; weights are counts of what the five founding texts
name, or assumptions where a text is silent (each says which). Record n is the same whatever the totals are.
"""

from marketplace.demo.synthetic.rows import Totals, load_synthetic, remove_synthetic

__all__ = ["Totals", "load_synthetic", "remove_synthetic"]
