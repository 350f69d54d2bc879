/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "ctl/doctor/doctor.h"
#include "encode/pdf/cover.h"

void doctor_fonts(struct doctor *d)
{
	struct buf lacking;
	int families;

	buf_init(&lacking, 4096);
	buf_str(&lacking, "");
	families = pdf_cover(&lacking);
	if (strncmp(lacking.data, "Latin", 5) == 0)
		doctor_say(d, DOCTOR_WARN, "fonts",
		    "install fonts for PDF reports, such as fonts-dejavu-core "
		    "and fonts-noto-core",
		    families == 0 ? "none is installed: PDF reports fail"
				  : "those installed lack Latin letters: PDF "
				    "reports fail");
	else if (lacking.len > 0)
		doctor_say(d, DOCTOR_OK, "fonts", NULL,
		    "%d families; for PDF reports none has %s", families,
		    lacking.data);
	else
		doctor_say(d, DOCTOR_OK, "fonts", NULL,
		    "%d families, for all scripts that are tried", families);
	buf_free(&lacking);
}
