"""From candidates of lines to proposals for a request: teams, packings, bundles in sequence, and lines left open."""
