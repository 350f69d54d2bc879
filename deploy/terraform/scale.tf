# SPDX-License-Identifier: MIT
#
# The scaler, which starts tasks, as in ../cloudformation/scale.yaml. The repository must let
# lambda.amazonaws.com pull.

locals {
  cluster_arn = "arn:${local.partition}:ecs:${local.region}:${local.account}:cluster/${var.name}"
}

resource "aws_cloudwatch_log_group" "scaler" {
  name              = "${var.name}-scaler"
  retention_in_days = 30
}

data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "scaler" {
  statement {
    actions = ["ecs:RunTask", "ecs:DescribeTasks"]
    resources = [
      "arn:${local.partition}:ecs:${local.region}:${local.account}:task-definition/${var.name}:*",
      "arn:${local.partition}:ecs:${local.region}:${local.account}:task/${var.name}/*",
    ]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [local.cluster_arn]
    }
  }
  # ListTasks has no resource of its own: the condition says which cluster.
  statement {
    actions   = ["ecs:ListTasks"]
    resources = ["*"]
    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [local.cluster_arn]
    }
  }
  statement {
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.execution.arn, aws_iam_role.daemon.arn]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.queue_secret_arn]
  }
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.scaler.arn}:*"]
  }
  # Lambda itself makes and removes the network interface of the function. Its check wants
  # rights on all of them; the code may not use them.
  statement {
    actions = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"]
    resources = ["*"]
  }
  statement {
    effect    = "Deny"
    actions   = ["ec2:*"]
    resources = ["*"]
    condition {
      test     = "ArnLike"
      variable = "lambda:SourceFunctionArn"
      values   = ["arn:${local.partition}:lambda:${local.region}:${local.account}:function:*"]
    }
  }
}

resource "aws_iam_role" "scaler" {
  name               = "${var.name}-scaler"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

resource "aws_iam_role_policy" "scaler" {
  role   = aws_iam_role.scaler.id
  policy = data.aws_iam_policy_document.scaler.json
}

resource "aws_lambda_function" "scaler" {
  function_name                  = "${var.name}-scaler"
  description                    = "Starts as many tasks of reportd as the queue wants"
  package_type                   = "Image"
  image_uri                      = var.image
  architectures                  = ["x86_64"]
  memory_size                    = 256
  timeout                        = 60
  reserved_concurrent_executions = 1
  role                           = aws_iam_role.scaler.arn
  depends_on                     = [aws_iam_role_policy.scaler]

  image_config {
    entry_point = ["/usr/bin/reportctl"]
    command     = ["scale"]
  }

  logging_config {
    log_group  = aws_cloudwatch_log_group.scaler.name
    log_format = "Text"
  }

  vpc_config {
    subnet_ids         = var.subnets
    security_group_ids = [aws_security_group.this.id]
  }

  environment {
    variables = {
      REPORTD_QUEUE_CONNINFO        = var.queue_conninfo
      REPORTD_QUEUE_SECRET_ARN      = var.queue_secret_arn
      REPORTD_REPORTD_LOG_FORMAT    = "json"
      REPORTD_REPORTD_LOG_METRICS   = var.name
      REPORTD_SCALE_CLUSTER         = aws_ecs_cluster.this.name
      REPORTD_SCALE_TASK_DEFINITION = aws_ecs_task_definition.this.family
      REPORTD_SCALE_SUBNETS         = join(",", var.subnets)
      REPORTD_SCALE_SECURITY_GROUPS = aws_security_group.this.id
      REPORTD_SCALE_MAX             = var.max_tasks
    }
  }
}

# The next minute is the retry.
resource "aws_lambda_function_event_invoke_config" "scaler" {
  function_name                = aws_lambda_function.scaler.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-scaler"
  sqs_managed_sse_enabled   = true
  message_retention_seconds = 1209600
}

data "aws_iam_policy_document" "scheduler" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "schedule" {
  statement {
    actions   = ["lambda:InvokeFunction"]
    resources = [aws_lambda_function.scaler.arn]
  }
  statement {
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
  }
}

resource "aws_iam_role" "schedule" {
  name               = "${var.name}-schedule"
  assume_role_policy = data.aws_iam_policy_document.scheduler.json
}

resource "aws_iam_role_policy" "schedule" {
  role   = aws_iam_role.schedule.id
  policy = data.aws_iam_policy_document.schedule.json
}

resource "aws_scheduler_schedule" "scaler" {
  name                = "${var.name}-scale"
  schedule_expression = "rate(1 minute)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.scaler.arn
    role_arn = aws_iam_role.schedule.arn

    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }

    dead_letter_config {
      arn = aws_sqs_queue.dead_letters.arn
    }
  }
}

output "scaler" {
  description = "Function that starts tasks"
  value       = aws_lambda_function.scaler.function_name
}
