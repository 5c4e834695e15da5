#!/bin/sh
# Puts the Helix of Debian 13, with the C library that it was built for, into a folder: FOLDER/hx runs it.
# It comes from the mirror that this machine's apt uses, and apt checks it by Debian's signature.
set -eu
mkdir -p "${1:?usage: install.sh FOLDER}"
folder=$(cd "$1" && pwd)
[ ! -x "$folder/hx" ] || exit 0 # it is written last

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1)
if [ -z "$mirror" ]; then
    echo "apt knows no mirror of Debian. Run \`apt-get update\` first." >&2
    exit 1
fi
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" > "$work/sources.list"
touch "$work/status"
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial"
cat > "$work/apt.conf" << EOF
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "-";
APT::Sandbox::User "root";
EOF
export APT_CONFIG="$work/apt.conf"
apt-get --quiet --quiet update
(cd "$work" && apt-get --quiet --quiet download hx libc6 libgcc-s1)
for package in "$work"/*.deb; do
    dpkg-deb --extract "$package" "$folder"
done

cat > "$folder/hx.new" << EOF
#!/bin/sh
lib="$folder/usr/lib"
export HELIX_RUNTIME="\$lib/hx/runtime"
exec "\$lib"/*-linux-gnu/ld-linux-*.so.* --library-path "\$(echo "\$lib"/*-linux-gnu)" "\$lib/hx/hx" "\$@"
EOF
chmod +x "$folder/hx.new"
mv "$folder/hx.new" "$folder/hx"
