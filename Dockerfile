# The tuning service, the dashboard and workers: one image, so that all have the same Optuna. Used by docker-compose.yml.
FROM python:3.11.14-slim-bookworm

WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
RUN pip install --no-cache-dir --disable-pip-version-check '.[tune]'

COPY tune.py memory_system.py ./
COPY memoryqa/ memoryqa/
COPY locomo/ locomo/
COPY harness/ harness/
COPY reports/ reports/
COPY evaluation/ evaluation/
COPY tuning/ tuning/

RUN useradd --create-home tuner && chown tuner /app
USER tuner
CMD ["python", "-m", "tuning.service", "--help"]
