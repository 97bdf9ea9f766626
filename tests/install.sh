#!/bin/sh
# What tests use beyond Python: Chromium for the browser, docker-compose to check its file.
# As root on Debian both are installed; otherwise this says how, and their tests are skipped.
set -e
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium fonts-dejavu-core"
command -v docker-compose >/dev/null 2>&1 || missing="$missing docker-compose"
if [ -z "$missing" ]; then exit 0; fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "Installing$missing ..."
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "Some tests are skipped until these are installed: sudo apt-get install$missing"
fi
