# The book with what builds and checks it: docker build -t dmfbook . && docker run --rm -it -p 8000:8000 dmfbook
FROM python:3.12-slim-bookworm

# Versions of a Debian release change by security fixes alone, and old ones are not kept.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends chromium fonts-dejavu-core git make \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 reader
USER 1000
WORKDIR /home/reader/dmfbook
COPY --chown=reader . .
RUN make book

EXPOSE 8000
CMD ["python3", "-m", "http.server", "8000", "--directory", "_build/html"]
