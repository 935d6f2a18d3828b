"""The manual of the API under `/docs/`: Markdown of the product, rendered to pages without any script."""
