# SPDX-License-Identifier: MIT

variable "name" {
  description = "Of the cluster, the tasks and the namespace of their metrics; one for each queue"
  type        = string
  default     = "reportd"
}

variable "image" {
  description = "The image, by its digest, in a repository of ECR"
  type        = string
}

variable "repository_arn" {
  description = "ARN of that repository"
  type        = string
}

variable "vpc_id" {
  description = "Network of the tasks"
  type        = string
}

variable "subnets" {
  description = "Private subnets with a way to ECR, ECS, S3, CloudWatch Logs and Secrets Manager"
  type        = list(string)
}

variable "database_security_group" {
  description = "Security group of the database, which is opened to the tasks"
  type        = string
}

variable "queue_conninfo" {
  description = "host=... dbname=... of the queue, without user and password"
  type        = string
}

variable "queue_secret_arn" {
  description = "Secret with username and password of the daemon"
  type        = string
}

variable "reader_conninfo" {
  description = "host=... dbname=... of what reports read, without user and password"
  type        = string
}

variable "reader_secret_arn" {
  description = "Secret with username and password that reports read as"
  type        = string
}

variable "bucket" {
  description = "Bucket that reports are written to"
  type        = string
}

variable "max_tasks" {
  description = "Most tasks at once"
  type        = number
  default     = 10
}
