# SPDX-License-Identifier: MIT
# Turns text files into a C header: one string a file, named after it, as it is.
#
#	awk -f embed.awk FILE ... > header

function c_name(path) {
	sub(/.*\//, "", path)
	gsub(/[^A-Za-z0-9]/, "_", path)
	return "file_" path
}
BEGIN {
	print "/* Generated from other files; edit those. */"
}
FNR == 1 {
	if (files++)
		print "    ;"
	printf "static const char %s[] =\n", c_name(FILENAME)
}
{
	gsub(/\\/, "&&")
	gsub(/"/, "\\\\&")
	gsub(/\t/, "\\\\t")
	gsub(/\?\?/, "?\\?")
	printf "    \"%s\\n\"\n", $0
}
END {
	print "    ;"
}
