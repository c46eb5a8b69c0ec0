# ejabberd as Debian packages it, with the configuration beside this file; for docs/compose.yaml.
ARG BASE=debian:bookworm-slim
FROM ${BASE}
# Its package would start it, and epmd, while the image is being built.
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
    && apt-get -qq update \
    && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends ejabberd >/dev/null \
    && rm -rf /var/lib/apt/lists/* /etc/ejabberd/ejabberd.pem /var/lib/ejabberd/.erlang.cookie \
    && install -d -o ejabberd -g ejabberd /var/lib/ejabberd/upload /var/www/labroom /run/ejabberd
COPY --chown=ejabberd:ejabberd ejabberd.yml /etc/ejabberd/ejabberd.yml
# With a port of its own, `ejabberdctl` finds the server without epmd, which everybody could ask.
ENV ERL_DIST_PORT=5210 INET_DIST_INTERFACE=127.0.0.1
VOLUME /var/lib/ejabberd
USER ejabberd
EXPOSE 5222 5223 5443
CMD ["/usr/sbin/ejabberdctl", "foreground"]
