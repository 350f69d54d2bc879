# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Trees of Debian's packages, from where this machine has its own.

# make_tree FOLDER [PACKAGE,...] makes one, with the packages and what they need.
make_tree() {
	local codename sources=()
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	mapfile -t sources < <(apt_sources)
	mmdebstrap -q --variant=minbase ${2:+--include="$2"} "$codename" "$1" "${sources[@]}"
	in_tree "$1" apt-get -q update
}

apt_sources() {
	local file
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
		[[ ! -s $file ]] || echo "$file"
	done
}

# in_tree FOLDER COMMAND... runs a command of a package manager in the tree.
in_tree() {
	local tree=$1
	shift
	# The machine's own way to the network.
	cp -L /etc/resolv.conf "$tree/etc/resolv.conf"
	[[ ! -d /etc/apt/apt.conf.d ]] || cp -n /etc/apt/apt.conf.d/* "$tree/etc/apt/apt.conf.d/"
	# shellcheck disable=SC2016 # for that shell
	DEBIAN_FRONTEND=noninteractive unshare --mount sh -c \
		'mount -t proc proc "$1/proc"; shift; exec "$@"' sh "$tree" chroot "$tree" "$@"
}

remove_tree() {
	rm -rf --one-file-system "$1"
}
