/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "ctl/doctor/doctor.h"
#include "ctl/lib/interrupt.h"
#include "net/aws/aws.h"
#include "services/services.h"
#include "settings/folders.h"

static int check_folder(void *arg, const char *folder, struct err *e)
{
	DIR *dir = opendir(folder);

	(void)e;
	if (dir == NULL)
		doctor_say(arg, DOCTOR_FAILED, "inputs",
		    "make the folder and let the daemon's user list it, or "
		    "take it out of [inputs] folders",
		    "%s: %s", folder, strerror(errno));
	else
		doctor_say(
		    arg, DOCTOR_OK, "inputs", NULL, "%s can be listed", folder);
	if (dir != NULL)
		closedir(dir);
	return 0;
}

/* Says that the queue is there, and whether messages that tell of no object
 * ever leave it. */
static void say_queue(struct doctor *d, const char *url, const json_t *answer)
{
	const json_t *attributes = json_object_get(answer, "Attributes");

	if (*json_str(attributes, "RedrivePolicy", "") != '\0')
		doctor_say(
		    d, DOCTOR_OK, "inputs queue", NULL, "%s is there", url);
	else
		doctor_say(d, DOCTOR_WARN, "inputs queue",
		    "make a dead-letter queue and name it in the RedrivePolicy "
		    "of this one, with maxReceiveCount 5 or so",
		    "%s is there, and has no dead-letter queue: messages that "
		    "tell of no object stay in it",
		    url);
}

/* Asks for attributes of the queue: reading its messages would count as
 * receiving them. */
static void check_queue(struct doctor *d, const char *url)
{
	struct services *services = services_open(d->c->settings);
	json_t *arguments = json_pack("{ss s[ss]}", "QueueUrl", url,
		   "AttributeNames", "QueueArn", "RedrivePolicy"),
	       *answer = NULL;
	char code[64] = "";
	const char *mend = NULL;
	struct aws *sqs;
	struct err e;

	services_set_watch(services, &interrupt_watch);
	sqs = services_queue(services, url, &e);
	if (sqs != NULL)
		answer = aws_json_call(sqs,
		    &(struct aws_json_call){
			.target = "AmazonSQS.GetQueueAttributes",
			.version = "1.0",
			.arguments = arguments},
		    code, &e);
	if (strstr(code, "AccessDenied") != NULL)
		mend = "allow the daemon's role sqs:GetQueueAttributes, "
		       "sqs:ReceiveMessage and sqs:DeleteMessage on the queue";
	else if (strstr(code, "DoesNotExist") != NULL ||
		 strstr(code, "NonExistentQueue") != NULL)
		mend = "correct queue_url in [inputs], or make the queue";
	if (answer != NULL)
		say_queue(d, url, answer);
	else
		doctor_say(
		    d, DOCTOR_FAILED, "inputs queue", mend, "%s", e.text);
	json_decref(answer);
	json_decref(arguments);
	services_close(services);
}

void doctor_inputs(struct doctor *d)
{
	const char *queue = d->c->settings->inputs_queue_url;
	struct err e;

	if (queue != NULL)
		check_queue(d, queue);
	folders_each(d->c->settings->inputs_folders, check_folder, d, &e);
}
