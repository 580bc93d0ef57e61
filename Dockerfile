# The web page of napari-visual-ccc, on the processor, for a laboratory: see docs/web.md
#   docker build -t visual-ccc .
#   docker run --rm -p 8000:8000 -e VISUAL_CCC_TOKEN --read-only --tmpfs /tmp:size=4g --memory 16g visual-ccc
FROM python:3.12-slim

WORKDIR /src
COPY . .
# torch without the libraries of graphics processors is a fifth of the size
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
        torch torchvision \
    && pip install --no-cache-dir ".[web,formats]" \
    && rm -rf /src/*

RUN useradd --system --uid 10001 --no-create-home visual-ccc
USER visual-ccc
WORKDIR /tmp
ENV HOME=/tmp MPLCONFIGDIR=/tmp PYTHONDONTWRITEBYTECODE=1

EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/api/health', timeout=4)"]
# further words of `docker run` are options: --name lab.example.org, and with
# -v "$PWD/models:/models:ro" before the name of the image --model /models/mine.safetensors
ENTRYPOINT ["visual-ccc", "serve", "--host", "0.0.0.0", "--allow-remote"]
