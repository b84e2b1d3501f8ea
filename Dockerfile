# sslse with its recipes: docker build -t sslse .    (docs/start.md says how to use it)
#   --build-arg PYTHON=3.12    another Python (3.10 to 3.12)
# The environment is what tools/install.sh makes of requirements.lock; the compiler, for PESQ, stays behind.
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm AS environment
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/sslse
# What the installation reads, and no more: other changes of the source leave this step as it was.
COPY pyproject.toml requirements.lock setup.py MANIFEST.in README.md ./
COPY tools tools
COPY sslse/__init__.py sslse/__init__.py
RUN tools/install.sh

FROM python:${PYTHON}-slim-bookworm
RUN useradd --create-home --uid 1000 sslse && mkdir /opt/sslse /work && chown sslse:sslse /opt/sslse /work
COPY --from=environment --chown=sslse:sslse /opt/sslse/.venv /opt/sslse/.venv
COPY --chown=sslse:sslse . /opt/sslse
ENV PATH=/opt/sslse/bin:$PATH
USER 1000
WORKDIR /work
ENTRYPOINT ["/opt/sslse/bin/sslse"]
CMD ["--help"]
