#!/usr/bin/env bash
# Copyright (c) 2026, Rocketops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the system of all machines of a rehearsal: Debian 12 with systemd and the emulator's requirements.
# Usage: build.sh IMAGE.tar REQUIREMENT..., such as aiohttp==3.14.5
set -euo pipefail

image=$1
shift
# Several rehearsals may need it at the same time: the first one builds it.
exec 9>"$image.lock"
flock 9
if [ -e "$image" ]; then exit; fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Not Debian's: the emulator is tested with this one. Debian 12 has Python 3.11.
python -m pip install --quiet --disable-pip-version-check --target "$scratch/libraries" --no-compile \
  --python-version 3.11 --platform "manylinux2014_$(uname -m)" --only-binary=:all: "$@"

# Move it into place only when it is complete.
mmdebstrap --variant=minbase \
  --include=dbus,haproxy,iproute2,nftables,nginx-light,openssh-server,procps,python3,python3-requests,socat \
  --include=systemd,systemd-sysv \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --customize-hook="cp -r $scratch/libraries \"\$1/opt/\"" \
  --customize-hook="chroot \"\$1\" env PYTHONPYCACHEPREFIX=/var/cache/rocketchat python3 -m compileall -q /opt/libraries" \
  --format=tar bookworm "$image.part"
mv "$image.part" "$image"
