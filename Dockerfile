# The memory as a server: HTTP with its page, and MCP, on port 8765. The chats are in the volume /chats; nothing else is written.
#
#   docker build --tag memoryqa .
#   docker run --read-only --tmpfs /tmp --volume chats:/chats --publish 127.0.0.1:8765:8765 --env MEMORYQA_TOKEN memoryqa
#
# Any other command takes the place of the last line: docker run ... memoryqa search "When did Ana move?"
FROM python:3.11.14-slim-bookworm

WORKDIR /src
COPY pyproject.toml README.md LICENSE memory_system.py ./
COPY memoryqa/ memoryqa/
# The versions are those that pyproject.toml bounds.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir --disable-pip-version-check '.[serve]' && rm -rf /src/*

RUN useradd --uid 10001 --no-create-home --home-dir /nonexistent memoryqa && install --directory --owner=10001 --mode=700 /chats
ENV MEMORYQA_HOME=/chats HOME=/nonexistent PYTHONDONTWRITEBYTECODE=1
WORKDIR /
USER 10001
VOLUME /chats
EXPOSE 8765
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8765/health', timeout=3)"]
ENTRYPOINT ["memoryqa"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8765"]
