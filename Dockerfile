# Two images from one file: `--target web` needs no torch, `--target worker` computes.
FROM python:3.11-slim AS web
WORKDIR /srv/kinetoscope
COPY requirements/web.txt requirements/
RUN pip install --no-cache-dir -r requirements/web.txt
COPY . .
RUN pip install --no-cache-dir --no-deps -e . && kinetoscope build && rm -rf frontend/node_modules
RUN useradd --create-home kinetoscope && mkdir var && chown kinetoscope var
USER kinetoscope
ENV KINETOSCOPE_HOST=0.0.0.0
EXPOSE 8000
HEALTHCHECK --interval=10s --start-period=20s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/api/health', timeout=5)"]
CMD ["sh", "-c", "kinetoscope db upgrade && exec kinetoscope web"]

FROM web AS worker
USER root
# e.g. --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 for a GPU
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch==2.13.0 \
 && pip install --no-cache-dir -r requirements/worker.txt
USER kinetoscope
HEALTHCHECK --interval=10s --start-period=60s CMD ["kinetoscope-worker", "alive"]
CMD ["kinetoscope-worker", "run"]
