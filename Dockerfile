# Targets: cpu (the default), gpu (adds keras-3-gpu with its CUDA packages), history (adds the years between Keras 2.0.9
# and 3), test (adds the tests).
# docs/container.md says why things are as they are. The bases may be pinned: --build-arg PYTHON_IMAGE=python@sha256:...
ARG PYTHON_IMAGE=python:3.12-slim-bookworm
ARG LEGACY_IMAGE=python:3.6.15-slim-bullseye
ARG TITLE="repro: settles reports of 100 % in fit, 33 % from predict"
ARG SOURCE=unknown
ARG REVISION=unknown
ARG LICENSES=MIT
# Labels cannot be computed in a build, so these repeat what pyproject.toml and the locks say; the build compares them.
# After a change: python container/update_arguments.py
ARG VERSION=0.1.0
ARG LOCK_KERAS_3=5a038118176c3939d24548d45a544f39b55e3074d2bc929fc32b459139a0abf7
ARG LOCK_KERAS_3_GPU=3a38d4fe4b44e187decc3cbf3d680262aafefdab40cf2d5091474c1fcb1d95ea
ARG LOCK_KERAS_2_0_9=87e0792e990cd3c214059cfc09382032173bb3cae8daed68dd38951bb06546ad
ARG LOCK_KERAS_2_2_4=aa212d53636c323db5e688fa9ecf601566102e77aacff46d74721dfffef22457
ARG LOCK_KERAS_2_3_1=7140aa46153548308abc33ce415ade259900c61cb782699c208f53e0978625cb
ARG LOCK_TF_2_6=71f937904e482d9754f86e584e26ceceef77a1bb56480c78d6d10afe609508e4


# --- One stage for each environment: from its hash lock, then trimmed, compiled and marked ----------------------------
FROM ${PYTHON_IMAGE} AS keras-3
WORKDIR /build
COPY environments/keras-3/requirements.lock .
RUN --mount=type=cache,target=/var/cache/pip \
    python -m venv --without-pip /opt/keras-3 \
 && python -m pip --python /opt/keras-3/bin/python install -q --cache-dir /var/cache/pip --root-user-action ignore \
      --require-hashes --no-deps --no-compile -r requirements.lock
ARG TRIM=yes
COPY container/trim.py container/mark_installation.py ./
# The root file system is read-only in use: what is not compiled here is compiled at each start.
RUN if [ "$TRIM" = yes ]; then python trim.py /opt/keras-3; fi \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/keras-3/lib \
 && python mark_installation.py keras-3 requirements.lock /opt/keras-3


FROM ${PYTHON_IMAGE} AS keras-3-gpu
WORKDIR /build
COPY environments/keras-3-gpu/requirements.lock .
RUN --mount=type=cache,target=/var/cache/pip \
    python -m venv --without-pip /opt/keras-3-gpu \
 && python -m pip --python /opt/keras-3-gpu/bin/python install -q --cache-dir /var/cache/pip --root-user-action ignore \
      --require-hashes --no-deps --no-compile -r requirements.lock
ARG TRIM=yes
COPY container/trim.py container/mark_installation.py ./
RUN if [ "$TRIM" = yes ]; then python trim.py /opt/keras-3-gpu; fi \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/keras-3-gpu/lib \
 && python mark_installation.py keras-3-gpu requirements.lock /opt/keras-3-gpu


# Python 3.6 itself goes along: /usr/local becomes /opt/keras-2.0.9, with the libraries of its Debian beside it.
FROM ${LEGACY_IMAGE} AS keras-2.0.9
WORKDIR /build
COPY environments/keras-2.0.9/bootstrap.lock environments/keras-2.0.9/requirements.lock ./
RUN --mount=type=cache,target=/var/cache/pip \
    python -m pip install -q --cache-dir /var/cache/pip --require-hashes --no-deps -r bootstrap.lock \
 && python -m pip install -q --cache-dir /var/cache/pip --require-hashes --no-deps --no-compile --no-build-isolation -r requirements.lock
ARG TRIM=yes
COPY container/trim.py container/mark_installation.py container/collect_libraries.py container/finish_legacy.sh ./
RUN sh finish_legacy.sh keras-2.0.9


# The same recipe for the years between; only the target `history` holds these.
FROM ${LEGACY_IMAGE} AS keras-2.2.4
WORKDIR /build
COPY environments/keras-2.2.4/bootstrap.lock environments/keras-2.2.4/requirements.lock ./
RUN --mount=type=cache,target=/var/cache/pip \
    python -m pip install -q --cache-dir /var/cache/pip --require-hashes --no-deps -r bootstrap.lock \
 && python -m pip install -q --cache-dir /var/cache/pip --require-hashes --no-deps --no-compile --no-build-isolation -r requirements.lock
ARG TRIM=yes
COPY container/trim.py container/mark_installation.py container/collect_libraries.py container/finish_legacy.sh ./
RUN sh finish_legacy.sh keras-2.2.4


FROM ${LEGACY_IMAGE} AS keras-2.3.1
WORKDIR /build
COPY environments/keras-2.3.1/bootstrap.lock environments/keras-2.3.1/requirements.lock ./
RUN --mount=type=cache,target=/var/cache/pip \
    python -m pip install -q --cache-dir /var/cache/pip --require-hashes --no-deps -r bootstrap.lock \
 && python -m pip install -q --cache-dir /var/cache/pip --require-hashes --no-deps --no-compile --no-build-isolation -r requirements.lock
ARG TRIM=yes
COPY container/trim.py container/mark_installation.py container/collect_libraries.py container/finish_legacy.sh ./
RUN sh finish_legacy.sh keras-2.3.1


FROM ${LEGACY_IMAGE} AS tf-2.6
WORKDIR /build
COPY environments/tf-2.6/bootstrap.lock environments/tf-2.6/requirements.lock ./
RUN --mount=type=cache,target=/var/cache/pip \
    python -m pip install -q --cache-dir /var/cache/pip --require-hashes --no-deps -r bootstrap.lock \
 && python -m pip install -q --cache-dir /var/cache/pip --require-hashes --no-deps --no-compile --no-build-isolation -r requirements.lock
ARG TRIM=yes
COPY container/trim.py container/mark_installation.py container/collect_libraries.py container/finish_legacy.sh ./
RUN sh finish_legacy.sh tf-2.6


# --- The engine: its locked packages, then itself ---------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS engine-packages
WORKDIR /build
# All of requirements.lock, and Dask for the compose profile `cluster`.
COPY requirements-cluster.lock .
RUN --mount=type=cache,target=/var/cache/pip \
    python -m venv --without-pip /opt/repro \
 && python -m pip --python /opt/repro/bin/python install -q --cache-dir /var/cache/pip --root-user-action ignore \
      --require-hashes --no-deps --no-compile -r requirements-cluster.lock \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/repro/lib
COPY --chmod=755 container/repro /opt/repro/bin/repro


FROM ${PYTHON_IMAGE} AS engine
WORKDIR /build
COPY requirements-build.lock .
RUN --mount=type=cache,target=/var/cache/pip \
    python -m pip install -q --cache-dir /var/cache/pip --root-user-action ignore --require-hashes --no-deps -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY environments environments
COPY scenarios scenarios
COPY tui tui
COPY repro repro
RUN python -m pip wheel -q --no-deps --no-build-isolation --no-index -w wheel . \
 && python -m zipfile -e wheel/*.whl /package \
 && python -m compileall -q --invalidation-mode unchecked-hash /package
COPY container/image_record.py .
ARG PYTHON_IMAGE
ARG LEGACY_IMAGE
ARG TITLE
ARG SOURCE
ARG REVISION
ARG LICENSES
ARG VERSION
ARG LOCK_KERAS_3
ARG LOCK_KERAS_3_GPU
ARG LOCK_KERAS_2_0_9
ARG LOCK_KERAS_2_2_4
ARG LOCK_KERAS_2_3_1
ARG LOCK_TF_2_6
RUN python image_record.py environments pyproject.toml keras-3 keras-2.0.9 >/image.json \
 && python image_record.py environments pyproject.toml keras-3 keras-2.0.9 keras-2.2.4 keras-2.3.1 tf-2.6 >/image-history.json \
 && python image_record.py environments pyproject.toml keras-3 keras-2.0.9 keras-3-gpu >/image-gpu.json


# --- What every target shares; it changes with the locks only ---------------------------------------------------------
FROM ${PYTHON_IMAGE} AS runtime
# The official images ship their library uncompiled. Nothing needs a set-user-id program. Any user may write to /runs.
RUN python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/(test|idlelib|lib2to3|site-packages)/' /usr/local/lib/python3.12 \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && mkdir -m 1777 /runs && mkdir /images
COPY --from=keras-3 /opt/keras-3 /opt/keras-3
COPY --from=keras-2.0.9 /usr/local /opt/keras-2.0.9
COPY --from=engine-packages /opt/repro /opt/repro
ENV PATH=/opt/repro/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    PYTHONUTF8=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    COLORTERM=truecolor \
    HOME=/tmp \
    REPRO_ENVIRONMENTS=/opt \
    REPRO_STORE=/runs \
    XDG_CONFIG_HOME=/runs/.config \
    XDG_STATE_HOME=/runs/.state \
    REPRO_CONTAINER=1
# What is written by a relative name (bundles, issue texts, new scenarios) stays when the container is gone.
WORKDIR /runs
USER 1000:1000


FROM runtime AS gpu
COPY --from=keras-3-gpu /opt/keras-3-gpu /opt/keras-3-gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=engine /package /opt/repro/lib/python3.12/site-packages/
COPY --from=engine /image-gpu.json /opt/repro/image.json
ARG PYTHON_IMAGE
ARG LEGACY_IMAGE
ARG TITLE
ARG SOURCE
ARG REVISION
ARG LICENSES
ARG VERSION
ARG LOCK_KERAS_3
ARG LOCK_KERAS_3_GPU
ARG LOCK_KERAS_2_0_9
LABEL org.opencontainers.image.title=$TITLE \
      org.opencontainers.image.source=$SOURCE \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.licenses=$LICENSES \
      org.opencontainers.image.base.name=$PYTHON_IMAGE \
      repro.base.keras-2.0.9=$LEGACY_IMAGE \
      repro.lock.keras-3=$LOCK_KERAS_3 \
      repro.lock.keras-3-gpu=$LOCK_KERAS_3_GPU \
      repro.lock.keras-2.0.9=$LOCK_KERAS_2_0_9
ENTRYPOINT ["/opt/repro/bin/repro"]


FROM runtime AS history
COPY --from=keras-2.2.4 /usr/local /opt/keras-2.2.4
COPY --from=keras-2.3.1 /usr/local /opt/keras-2.3.1
COPY --from=tf-2.6 /usr/local /opt/tf-2.6
COPY --from=engine /package /opt/repro/lib/python3.12/site-packages/
COPY --from=engine /image-history.json /opt/repro/image.json
ARG PYTHON_IMAGE
ARG LEGACY_IMAGE
ARG TITLE
ARG SOURCE
ARG REVISION
ARG LICENSES
ARG VERSION
ARG LOCK_KERAS_3
ARG LOCK_KERAS_2_0_9
ARG LOCK_KERAS_2_2_4
ARG LOCK_KERAS_2_3_1
ARG LOCK_TF_2_6
LABEL org.opencontainers.image.title=$TITLE \
      org.opencontainers.image.source=$SOURCE \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.licenses=$LICENSES \
      org.opencontainers.image.base.name=$PYTHON_IMAGE \
      repro.base.keras-2.0.9=$LEGACY_IMAGE \
      repro.lock.keras-3=$LOCK_KERAS_3 \
      repro.lock.keras-2.0.9=$LOCK_KERAS_2_0_9 \
      repro.lock.keras-2.2.4=$LOCK_KERAS_2_2_4 \
      repro.lock.keras-2.3.1=$LOCK_KERAS_2_3_1 \
      repro.lock.tf-2.6=$LOCK_TF_2_6
ENTRYPOINT ["/opt/repro/bin/repro"]


# Without image.json: the tests try what the engine does on any machine.
FROM runtime AS test
USER root
COPY requirements-dev.lock /build/
RUN --mount=type=cache,target=/var/cache/pip \
    /usr/local/bin/python -m pip --python /opt/repro/bin/python install -q --cache-dir /var/cache/pip --root-user-action ignore \
      --require-hashes --no-deps -r /build/requirements-dev.lock
COPY --from=engine /package /opt/repro/lib/python3.12/site-packages/
COPY . /src
WORKDIR /src
ENV HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis XDG_CONFIG_HOME=/tmp/.config XDG_STATE_HOME=/tmp/.state
USER 1000:1000
ENTRYPOINT ["/opt/repro/bin/python", "-m", "pytest", "-p", "no:cacheprovider"]
CMD ["-q", "-m", "not real and not container and not evidence and not long"]


FROM runtime AS cpu
COPY --from=engine /package /opt/repro/lib/python3.12/site-packages/
COPY --from=engine /image.json /opt/repro/image.json
ARG PYTHON_IMAGE
ARG LEGACY_IMAGE
ARG TITLE
ARG SOURCE
ARG REVISION
ARG LICENSES
ARG VERSION
ARG LOCK_KERAS_3
ARG LOCK_KERAS_2_0_9
LABEL org.opencontainers.image.title=$TITLE \
      org.opencontainers.image.source=$SOURCE \
      org.opencontainers.image.revision=$REVISION \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.licenses=$LICENSES \
      org.opencontainers.image.base.name=$PYTHON_IMAGE \
      repro.base.keras-2.0.9=$LEGACY_IMAGE \
      repro.lock.keras-3=$LOCK_KERAS_3 \
      repro.lock.keras-2.0.9=$LOCK_KERAS_2_0_9
ENTRYPOINT ["/opt/repro/bin/repro"]
