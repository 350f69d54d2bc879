# SPDX-License-Identifier: MIT
# Turns SQL files into a C header: one string a file, named after it (below
# upgrade/ with its folders), without comment lines. With -v list=NAME also a table of name and text of all of them,
# in the order given.
#
#	awk -v prefix=sql_ [-v list=NAME] -f embed.awk FILE ... > header

function base(path) {
	if (!sub(/.*\/upgrade\//, "", path))
		sub(/.*\//, "", path)
	sub(/\.sql$/, "", path)
	return path
}
function c_name(name) {
	gsub(/[^A-Za-z0-9]/, "_", name)
	return prefix name
}
BEGIN {
	print "/* Generated from the .sql files; edit those. */"
}
FNR == 1 {
	if (files++)
		print "    ;"
	names[files] = base(FILENAME)
	printf "static const char %s[] =\n", c_name(names[files])
}
/^[ \t]*--/ { next }
{
	gsub(/\\/, "&&")
	gsub(/"/, "\\\\&")
	gsub(/\t/, "\\\\t")
	printf "    \"%s\\n\"\n", $0
}
END {
	print "    ;"
	if (list == "")
		exit
	printf "static const struct {\n\tconst char *name;\n\tconst char *text;\n} %s[] = {\n", list
	for (i = 1; i <= files; i++)
		printf "    {\"%s\", %s},\n", names[i], c_name(names[i])
	print "};"
}
