"""How callers prove who they are: OAuth 2.0 applications, their secrets and tokens, sessions, second factors."""
