#!/bin/sh
# Debian packages that Qt, the window and the tests need; installs what is missing when root, else says what to do.
set -eu

packages="libglib2.0-0 libgl1 libegl1 libxkbcommon0 libfontconfig1 libdbus-1-3
          xvfb xauth libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxkbcommon-x11-0
          gcc libc6-dev ffmpeg"
for_some_tests="tesseract-ocr dicom3tools"  # their tests skip without them, so they are never demanded

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "Not a Debian system: make sure that the equivalents of these packages are there:" $packages
    exit 0
fi

is_there() {
    # the time64 releases renamed some libraries with the suffix t64
    dpkg-query -W -f='${Status}\n' "$1" "${1}t64" 2>/dev/null | grep -q 'ok installed'
}

for package in $for_some_tests; do
    is_there "$package" || echo "Tests that need $package will skip: apt-get install $package"
done

missing=""
for package in $packages; do
    is_there "$package" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "These system packages are missing:$missing"
    echo "Install them with: sudo apt-get install$missing"
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends $missing
