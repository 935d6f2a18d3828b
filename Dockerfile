# Two images of the same layers: `work` (dispatcher, workers, beat, commands) and, built by default, `web`, which adds the
# health check of a web server. compose.yaml says which command each runs.
FROM python:3.11-slim-trixie AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv /opt/venv
COPY requirements/base.txt requirements/base.txt
RUN /opt/venv/bin/pip install --no-deps --require-hashes -r requirements/base.txt
COPY . .
# Static files are the same everywhere, so they are part of the image. No secret is needed to collect them.
RUN /opt/venv/bin/python manage.py collectstatic --noinput && rm -rf var && /opt/venv/bin/python -m compileall -q .

FROM python:3.11-slim-trixie AS work
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PRODUCTION=1 BIND=0.0.0.0:8000
# pg_dump and pg_restore of `manage.py backup`: the server's version (compose.yaml).
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client-17 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin marketplace \
  && install -d -o marketplace -g marketplace /app/var
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
USER 10001

FROM work AS web
EXPOSE 8000
# The forwarded header keeps a production server from answering with a redirect to https.
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-c", \
  "from urllib.request import Request, urlopen; urlopen(Request('http://127.0.0.1:8000/api/v1/health/live', headers={'X-Forwarded-Proto': 'https'}), timeout=4)"]
CMD ["gunicorn", "marketplace.wsgi:application"]
