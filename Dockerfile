# The tuning service, the dashboard and workers: one image, so that all have the same Optuna. Used by docker-compose.yml.
FROM python:3.11.14-slim-bookworm

WORKDIR /app
# The library is part of what is installed, so it is copied first.
COPY pyproject.toml README.md LICENSE memory_system.py ./
COPY memoryqa/ memoryqa/
RUN pip install --no-cache-dir --disable-pip-version-check '.[tune]'

COPY tune.py ./
COPY harness/ harness/
COPY locomo/ locomo/
COPY reports/ reports/
COPY evaluation/ evaluation/
COPY tuning/ tuning/

RUN useradd --create-home tuner && chown tuner /app
USER tuner
CMD ["python", "-m", "tuning.service", "--help"]
