"""Which demo data this database holds."""

from django.db import models
from django.db.models import F, Q


class LoadedDemo(models.Model):
    """The one row that says that the demo data was loaded here, and how far its dates were moved."""

    years = models.PositiveSmallIntegerField()  # by which the dates of the file were moved
    begun_at = models.DateTimeField()
    loaded_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)  # when every open need had been ranked

    class Meta:
        verbose_name_plural = "loaded demo data"
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="demo_loaded_once"),
            models.CheckConstraint(
                condition=Q(loaded_at__isnull=True) | Q(loaded_at__gte=F("begun_at")), name="demo_loaded_after_begun"
            ),
            models.CheckConstraint(
                condition=Q(ready_at__isnull=True) | Q(loaded_at__isnull=False), name="demo_ready_after_loaded"
            ),
        ]

    def __str__(self) -> str:
        return f"demo data moved by {self.years} years"
