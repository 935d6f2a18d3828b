"""OAuth 2.0 (RFC 6749, 7009, 7636, 7662, 8414): tokens, their introspection and revocation, applications and secrets."""
