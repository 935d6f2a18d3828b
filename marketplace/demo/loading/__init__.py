"""Loading the demo data through the operations, one module for each kind of record; loading twice changes nothing."""

from marketplace.demo.loading.everything import load_demo

__all__ = ["load_demo"]
