"""The fault kit: the whole product under load while its parts are killed, frozen and taken away (docs/faults.md).

It knows what an integrator and an operator know: HTTP, processes, the documents. It imports nothing of the product; what
the API cannot show it reads from the database, read-only (`witness.py`).
"""
