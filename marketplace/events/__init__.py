"""What became true, for others: outbox, sequencer and feed."""
