# syntax=docker/dockerfile:1
FROM debian:bookworm-slim AS build
WORKDIR /src
# Alone, so that a change of a source does not install the packages again.
COPY tools/setup.sh tools/
RUN mkdir build && bash -c '. tools/setup.sh && need build package'
COPY . .
RUN --mount=type=cache,target=/root/.cache/ccache ./dev package

FROM debian:bookworm-slim
# The package knows which libraries it needs.
RUN --mount=type=bind,from=build,source=/src/build,target=/package \
  apt-get update && apt-get install -y --no-install-recommends /package/target-eye_*.deb && \
  rm -rf /var/lib/apt/lists/*
ARG CONTAINER_USER=nobody
ARG CONTAINER_UID=65534
RUN id "$CONTAINER_USER" >/dev/null 2>&1 || \
  useradd --system --no-create-home --uid "$CONTAINER_UID" "$CONTAINER_USER"
ENV FILE_SD_DIRECTORY=/target_eye_json_files/ BIND=0.0.0.0:12345
RUN install -d -o "$CONTAINER_UID" -g "$CONTAINER_UID" "$FILE_SD_DIRECTORY"
USER ${CONTAINER_UID}:${CONTAINER_UID}
EXPOSE 12345
HEALTHCHECK --interval=30s --timeout=15s --start-period=5m CMD ["target-eye", "check", "health"]
ENTRYPOINT ["target-eye"]
