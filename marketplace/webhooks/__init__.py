"""Events brought to the systems of organizations: subscriptions, signed deliveries, retries, replay (docs/webhooks.md)."""
