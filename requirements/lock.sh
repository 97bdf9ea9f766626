#!/bin/sh
# Pins anew what is deployed: `make lock`. Torch stays out: the Makefile chooses its build.
set -e
cd "$(dirname "$0")/.."
compile() {
  out=$1; shift
  pip-compile -q --upgrade --strip-extras --no-header --no-annotate --no-emit-index-url \
    --no-emit-find-links --no-emit-options --unsafe-package torch -o "requirements/$out.txt" "$@" pyproject.toml
  sed -i '/^#/d' "requirements/$out.txt"
}
compile web
echo "torch==2.13.0" > requirements/torch.tmp
compile worker --extra worker -c requirements/web.txt -c requirements/torch.tmp
compile test --extra worker --extra hub --extra train --extra test --extra check -c requirements/worker.txt -c requirements/torch.tmp
rm requirements/torch.tmp
