# SPDX-License-Identifier: MIT
#
# The task that runs reports, as in ../cloudformation/daemon.yaml.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.60"
    }
  }
}

data "aws_caller_identity" "this" {}

data "aws_region" "this" {}

data "aws_partition" "this" {}

locals {
  account   = data.aws_caller_identity.this.account_id
  region    = data.aws_region.this.name
  partition = data.aws_partition.this.partition

  container = {
    name                   = "reportd"
    image                  = var.image
    essential              = true
    command                = ["--idle-exit", "2min"]
    user                   = "10001:10001"
    readonlyRootFilesystem = true
    stopTimeout            = 120
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    healthCheck = {
      command     = ["CMD", "/usr/bin/reportctl", "status"]
      interval    = 30
      timeout     = 10
      retries     = 3
      startPeriod = 60
    }
    mountPoints = [{ sourceVolume = "temporary", containerPath = "/var/tmp", readOnly = false }]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.task.name
        awslogs-region        = local.region
        awslogs-stream-prefix = "task"
      }
    }
    environment = [
      { name = "REPORTD_QUEUE_CONNINFO", value = var.queue_conninfo },
      { name = "REPORTD_QUEUE_SECRET_ARN", value = var.queue_secret_arn },
      { name = "REPORTD_QUEUE_TIMEOUT", value = "15s" },
      { name = "REPORTD_SOURCE_DEFAULT_CONNINFO", value = var.reader_conninfo },
      { name = "REPORTD_SOURCE_DEFAULT_SECRET_ARN", value = var.reader_secret_arn },
      { name = "REPORTD_REPORTD_OUTPUT_ROOT", value = "" },
      { name = "REPORTD_REPORTD_OUTPUT", value = "s3://${var.bucket}/{owner}/{report_name}/%Y/%m/%d/{request_id}.{ext}" },
      { name = "REPORTD_REPORTD_WORKERS", value = "10" },
      { name = "REPORTD_REPORTD_WORKER_MEMORY", value = "64MB" },
      # Three buffers of 5 MB for an upload, not five of 8 MB: they count, too.
      { name = "REPORTD_S3_PART_SIZE", value = "5MB" },
      { name = "REPORTD_S3_PARTS_IN_FLIGHT", value = "2" },
      # With the two others it ends before ECS kills, stopTimeout.
      { name = "REPORTD_REPORTD_SHUTDOWN_GRACE", value = "90s" },
      { name = "REPORTD_REPORTD_CANCEL_GRACE", value = "10s" },
      { name = "REPORTD_REPORTD_LOG_FORMAT", value = "json" },
      { name = "REPORTD_REPORTD_LOG_METRICS", value = var.name },
    ]
  }
}

resource "aws_ecs_cluster" "this" {
  name = var.name
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
}

resource "aws_cloudwatch_log_group" "task" {
  name              = "${var.name}-task"
  retention_in_days = 30
}

resource "aws_security_group" "this" {
  name        = var.name
  description = "reportd"
  vpc_id      = var.vpc_id

  egress {
    description     = "the database"
    protocol        = "tcp"
    from_port       = 5432
    to_port         = 5432
    security_groups = [var.database_security_group]
  }

  egress {
    description = "AWS, and where notices go"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  description                  = "reportd"
  security_group_id            = var.database_security_group
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

# ECS itself: it pulls the image and writes the log.
data "aws_iam_policy_document" "execution" {
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [var.repository_arn]
  }
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.task.arn}:*"]
  }
}

# The daemon: it reads its logins and writes reports.
data "aws_iam_policy_document" "daemon" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.queue_secret_arn, var.reader_secret_arn]
  }
  statement {
    actions   = ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["arn:${local.partition}:s3:::${var.bucket}/*"]
  }
  statement {
    actions   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = ["arn:${local.partition}:s3:::${var.bucket}"]
  }
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "execution" {
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

resource "aws_iam_role" "daemon" {
  name               = "${var.name}-daemon"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "daemon" {
  role   = aws_iam_role.daemon.id
  policy = data.aws_iam_policy_document.daemon.json
}

resource "aws_ecs_task_definition" "this" {
  # Tasks are counted by it: a family belongs to one queue.
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 512
  memory                   = 1024
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.daemon.arn
  container_definitions    = jsonencode([local.container])

  volume {
    name = "temporary"
  }
}
