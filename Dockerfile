# The service with its shipped models, for machines without a GPU.
#
# Give the CPU wheel index that PyTorch's "Get Started" page shows as TORCH_INDEX_URL; without it PyTorch's CUDA
# libraries come along, several gigabytes of them.
FROM python:3.11-slim AS build
ARG TORCH_INDEX_URL=""
WORKDIR /fovea
RUN python -m venv /opt/fovea
COPY requirements.lock ./
COPY scripts/install.sh scripts/
RUN PIP=/opt/fovea/bin/pip PIP_NO_CACHE_DIR=1 scripts/install.sh requirements.lock "$TORCH_INDEX_URL"
COPY pyproject.toml README.md LICENSE ./
COPY service service
RUN /opt/fovea/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin fovea \
    && install -d -o fovea -g fovea /data
COPY --from=build /opt/fovea /opt/fovea
ENV PATH=/opt/fovea/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    FOVEA_HOST=0.0.0.0 \
    FOVEA_PORT=8000 \
    FOVEA_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["fovea"]
CMD ["serve"]
