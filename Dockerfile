# The bot and the agent as images: docker build --target bot . (the default) or --target agent.
# BASE is any Debian or its like with python3 (3.11 or later) and its venv module.
#
# Behind a proxy with its own authority or index, hand pip its settings for the build alone:
#     docker build --secret id=pip.conf,src=pip.conf --secret id=ca.crt,src=ca.crt .
# with "cert = /run/secrets/ca.crt" in pip.conf; neither stays in the image.
ARG BASE=python:3.11-slim-bookworm

# Everything the lock names, checked against its hashes; from this folder only what is wanted is
# installed below, without a network. Never in an image.
FROM ${BASE} AS wheels
COPY requirements.lock /src/
RUN --mount=type=secret,id=pip.conf --mount=type=secret,id=ca.crt \
    python3 -m venv /build && PIP_CONFIG_FILE=/run/secrets/pip.conf /build/bin/pip download --quiet \
    --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    -r /src/requirements.lock --dest /wheels
COPY . /src/
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_QUIET=1
RUN /build/bin/pip install hatchling \
    && /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels /src \
    && python3 -m venv --without-pip /opt/labroom \
    && /build/bin/pip --python /opt/labroom install labroom

# EXTRAS=bot,charts: with what draws pictures, which is 170 MB more.
FROM wheels AS wheels-bot
ARG EXTRAS=bot
RUN /build/bin/pip --python /opt/labroom install "labroom[${EXTRAS}]"


# An agent sees its container's memory and disks. For the machine's own, run it with --privileged
# --pid=host; to reboot it, install the agent on the machine instead (docs/servers.md, Containers).
FROM ${BASE} AS agent
ARG DIAGNOSTICS="memtester stress-ng fio smartmontools dmidecode ethtool"
RUN apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends ${DIAGNOSTICS} >/dev/null \
    && rm -rf /var/lib/apt/lists/*
COPY --from=wheels /opt/labroom /opt/labroom
ENV PATH=/opt/labroom/bin:$PATH
VOLUME /var/lib/labroom-agent
ENTRYPOINT ["labroom-agent"]
CMD ["serve"]


FROM ${BASE} AS bot
RUN useradd --uid 10001 --user-group --home-dir /var/lib/labroom --no-create-home \
        --shell /usr/sbin/nologin labroom \
    && install -d -m 700 -o labroom -g labroom /var/lib/labroom
COPY --from=wheels-bot /opt/labroom /opt/labroom
ENV PATH=/opt/labroom/bin:$PATH
# Settings: /etc/labroom/bot.toml, mounted, or LABROOM_* variables. State: the volume.
VOLUME /var/lib/labroom
USER 10001:10001
HEALTHCHECK --interval=60s --timeout=30s --start-period=20s --retries=3 CMD ["labroom", "check", "--quick", "--running"]
ENTRYPOINT ["labroom"]
CMD ["serve"]
