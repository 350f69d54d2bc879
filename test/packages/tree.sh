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

# make_newer FOLDER TARGET leaves in TARGET the packages of FOLDER with "+1" after their
# version, which is what an upgrade looks like.
make_newer() {
	local package deb version work
	work=$(mktemp -d /var/tmp/reportd-newer.XXXXXX)
	for package in reportd reportctl; do
		deb=$(echo "$1/${package}"_[0-9]*.deb)
		version=$(dpkg-deb -f "$deb" Version)
		dpkg-deb -R "$deb" "$work/$package"
		sed -i "s/^Version: .*/Version: $version+1/; s/(= $version)/(= $version+1)/" \
			"$work/$package/DEBIAN/control"
		deb=${deb##*/}
		dpkg-deb --root-owner-group -b "$work/$package" "$2/${deb/_$version/_$version+1}"
	done
	rm -rf "$work"
}

remove_tree() {
	rm -rf --one-file-system "$1"
}
