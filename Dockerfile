# One image a service: `docker build --target tasksvc .`; also notifysvc, gatewaysvc, cli and edge.
# What is built is built in stages that are thrown away: an image holds Python, the locked dependencies of its own
# service and our code, compiled; no pip, no compiler, nobody who may write to it.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore \
    INSTALL="python -m pip --python /venv/bin/python install --quiet --require-hashes --only-binary :all:"
RUN python -m venv --without-pip /venv
WORKDIR /build

FROM build AS tasksvc-build
COPY requirements/tasksvc.txt ./
RUN --mount=type=cache,target=/root/.cache/pip $INSTALL -r tasksvc.txt
COPY chassis/ /app/chassis/
COPY protos/ /app/protos/
COPY tasksvc/ /app/tasksvc/
RUN python -m compileall -q --invalidation-mode unchecked-hash /app

FROM build AS notifysvc-build
COPY requirements/notifysvc.txt ./
RUN --mount=type=cache,target=/root/.cache/pip $INSTALL -r notifysvc.txt
COPY chassis/ /app/chassis/
COPY protos/ /app/protos/
COPY notifysvc/ /app/notifysvc/
RUN python -m compileall -q --invalidation-mode unchecked-hash /app

FROM build AS gatewaysvc-build
COPY requirements/gatewaysvc.txt ./
RUN --mount=type=cache,target=/root/.cache/pip $INSTALL -r gatewaysvc.txt
COPY chassis/ /app/chassis/
COPY protos/ /app/protos/
COPY gatewaysvc/ /app/gatewaysvc/
RUN python -m compileall -q --invalidation-mode unchecked-hash /app

FROM build AS cli-build
COPY requirements/cli.txt ./
RUN --mount=type=cache,target=/root/.cache/pip $INSTALL -r cli.txt
COPY chassis/ /app/chassis/
COPY protos/ /app/protos/
COPY cli/ /app/cli/
RUN python -m compileall -q --invalidation-mode unchecked-hash /app

FROM build AS edge-build
COPY requirements/edge.txt ./
RUN --mount=type=cache,target=/root/.cache/pip $INSTALL -r edge.txt

FROM ${BASE} AS runtime
RUN python -m pip uninstall --quiet --yes --root-user-action ignore pip
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.vendor="Taskbell" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/app:/app/protos \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    TASKBELL_HOST=0.0.0.0
WORKDIR /app
USER 10001:10001
# The server itself is process 1 and gets the signals: SIGTERM drains it.
STOPSIGNAL SIGTERM

FROM runtime AS tasksvc
LABEL org.opencontainers.image.title="tasksvc" \
      org.opencontainers.image.description="Taskbell's users, projects and tasks, over gRPC"
COPY --from=tasksvc-build /venv /venv
COPY --from=tasksvc-build /app /app
EXPOSE 50051 9101
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --start-interval=1s --retries=2 \
    CMD ["python", "-m", "chassis.health_check", "grpc://127.0.0.1:50051"]
ENTRYPOINT ["python", "-m", "tasksvc"]
CMD ["serve"]

FROM runtime AS notifysvc
LABEL org.opencontainers.image.title="notifysvc" \
      org.opencontainers.image.description="Taskbell's live events, inboxes and e-mails, over gRPC"
COPY --from=notifysvc-build /venv /venv
COPY --from=notifysvc-build /app /app
EXPOSE 50052 9102
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --start-interval=1s --retries=2 \
    CMD ["python", "-m", "chassis.health_check", "grpc://127.0.0.1:50052"]
ENTRYPOINT ["python", "-m", "notifysvc"]
CMD ["serve"]

FROM runtime AS gatewaysvc
LABEL org.opencontainers.image.title="gatewaysvc" \
      org.opencontainers.image.description="Taskbell's REST, WebSocket and server-sent events"
COPY --from=gatewaysvc-build /venv /venv
COPY --from=gatewaysvc-build /app /app
EXPOSE 8080 9103
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --start-interval=1s --retries=2 \
    CMD ["python", "-m", "chassis.health_check", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["python", "-m", "gatewaysvc"]
CMD ["serve"]

FROM runtime AS cli
LABEL org.opencontainers.image.title="taskbell" \
      org.opencontainers.image.description="Taskbell's command line"
COPY --from=cli-build /venv /venv
COPY --from=cli-build /app /app
# Where a volume keeps the session from one command to the next.
USER root
RUN install -d -o 10001 -g 10001 -m 700 /config
USER 10001:10001
ENV TASKBELL_CONFIG=/config/config.json
VOLUME /config
ENTRYPOINT ["python", "-m", "cli"]

FROM runtime AS edge
LABEL org.opencontainers.image.title="edge" \
      org.opencontainers.image.description="Taskbell's front door: balances HTTP and gRPC over the replicas"
COPY --from=edge-build /venv/bin/caddy /usr/local/bin/caddy
COPY compose/edge/Caddyfile /etc/caddy/Caddyfile
EXPOSE 8080 50051 50052
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --start-interval=1s --retries=2 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["caddy", "run", "--config", "/etc/caddy/Caddyfile"]
