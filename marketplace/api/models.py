"""What the API remembers between calls."""

from django.db import models


class IdempotencyKey(models.Model):
    """The answer that a POST with this key was given, so that a repeated call gets it again and does nothing."""

    actor = models.CharField(max_length=80)  # kind and public id of the caller
    route = models.CharField(max_length=300)  # path of the call
    key = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)  # SHA-256 of the body
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["actor", "route", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"{self.actor} {self.route} {self.key}"
