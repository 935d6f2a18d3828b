"""Entry point of web servers."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
application = get_wsgi_application()
import_module(settings.ROOT_URLCONF)  # now, once for all processes that are forked, and not at the first request
import_module("marketplace.api.deadlines").limit_connections()
