"""The version of the engine: raised when the same inputs may give other bytes, so that no run is replayed by another."""

ENGINE_VERSION = "2.3.0"
