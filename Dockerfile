FROM python:3.13-slim AS build
WORKDIR /build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

# Dependencies first: these layers are cached until a lock file changes.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv --without-pip /opt/tusd-py \
    && pip --python /opt/tusd-py/bin/python install --require-hashes -r requirements.lock
RUN pip install --require-hashes -r requirements-build.lock

COPY ui/package.json ui/package-lock.json ui/.npmrc ui/
COPY scripts scripts
RUN python -m scripts.node ui ci --omit=dev

COPY pyproject.toml README.md hatch_build.py ./
COPY ui ui
COPY tusd_py tusd_py
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip --python /opt/tusd-py/bin/python install --no-deps --no-index dist/*.whl


FROM python:3.13-slim
RUN groupadd --gid 10001 tusd-py \
    && useradd --uid 10001 --gid tusd-py --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin tusd-py \
    && install --directory --owner=tusd-py --group=tusd-py /data
# Nothing is installed into a running container.
RUN python -m pip uninstall --yes pip
COPY --from=build /opt/tusd-py /opt/tusd-py

ENV PATH=/opt/tusd-py/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TUSD_PY_HOST=0.0.0.0
USER 10001:10001
# ./data, where bytes and state go unless settings say otherwise, is /data. (Saying so in ENV would outrank a file.)
WORKDIR /
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --start-interval=1s \
    CMD ["tusd-py", "health", "--container"]
ENTRYPOINT ["tusd-py"]
CMD ["serve"]
