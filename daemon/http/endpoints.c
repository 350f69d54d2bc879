/* SPDX-License-Identifier: MIT */
#include "http/endpoint.h"
#include "http/server_conn.h"
#include "sql/http.h"

#define SUBMIT_KEYS                                                          \
	" report_name export_sql prep_sql parameters{} output_format "       \
	"output_path output_options{} priority source report_type "          \
	"schedule_expression time_zone misfire_policy timeout max_retries "  \
	"notify_on_completion[] notify_on_failure[] report_key run_after[] " \
	"wait_timeout inputs{} result_sql horizon_overlap checks[] min_score "
#define SMALL (64 << 10)
#define API "/api/v1"
#define REPORT API "/reports/{report}"

/* clang-format off */
const struct endpoint endpoints[] = {
	{METHOD_GET, "/", .open = true, .serve = serve_page},
	{METHOD_GET, "/healthz", .open = true, .serve = serve_health},
	{METHOD_GET, "/readyz", .open = true, .serve = serve_ready},
	{METHOD_POST, "/trigger", .body_max = SMALL, .serve = serve_trigger},
	{METHOD_GET, "/metrics", .serve = serve_metrics},
	{METHOD_GET, API "/openapi.json", .serve = serve_openapi},

	{METHOD_GET, API "/reports", .status = 200,
		.statement = {"reports", sql_reports, 6},
		.params = {"?after", "?limit", "?q", "?status", "?trigger_type",
			"?is_active"}},
	{METHOD_POST, API "/reports", .status = 201, .body_max = BODY_MAX,
		.statement = {"submit", sql_submit, 1}, .params = {"="},
		.keys = SUBMIT_KEYS},
	{METHOD_GET, REPORT, .status = 200,
		.statement = {"report", sql_report, 1}, .params = {"{"}},
	{METHOD_PATCH, REPORT, .status = 200, .body_max = BODY_MAX,
		.statement = {"change", sql_change, 2}, .params = {"{", "="}},
	{METHOD_DELETE, REPORT, .status = 204,
		.statement = {"delete", sql_delete, 1}, .params = {"{"}},
	{METHOD_POST, REPORT "/run", .status = 202, .body_max = BODY_MAX,
		.statement = {"run", sql_run, 2}, .params = {"{", "="},
		.keys = " parameters{} cascade "},
	{METHOD_POST, REPORT "/backfill", .status = 202, .body_max = SMALL,
		.statement = {"backfill", sql_backfill, 2}, .params = {"{", "="},
		.keys = " from to "},
	{METHOD_POST, REPORT "/retry", .status = 202, .body_max = SMALL,
		.statement = {"retry", sql_retry, 2}, .params = {"{", "="},
		.keys = " request_id "},
	{METHOD_POST, REPORT "/cancel", .status = 202, .body_max = SMALL,
		.statement = {"cancel", sql_cancel, 2}, .params = {"{", "="},
		.keys = " request_id "},
	{METHOD_POST, REPORT "/pause", .status = 200, .body_max = SMALL,
		.statement = {"pause", sql_pause, 1}, .params = {"{"}},
	{METHOD_POST, REPORT "/resume", .status = 200, .body_max = SMALL,
		.statement = {"resume", sql_resume, 1}, .params = {"{"}},

	{METHOD_GET, API "/requests", .status = 200,
		.statement = {"requests", sql_requests, 3},
		.params = {"?before", "?limit", "?report"}},
	{METHOD_GET, API "/requests/{request}", .status = 200,
		.statement = {"request", sql_request, 1}, .params = {"{"}},
	{METHOD_GET, API "/runs", .status = 200,
		.statement = {"runs", sql_runs, 4},
		.params = {"?before", "?limit", "?report", "?status"}},
	{METHOD_GET, API "/runs/{run}", .status = 200,
		.statement = {"one_run", sql_one_run, 1}, .params = {"{"}},

	{METHOD_GET, API "/overview", .status = 200,
		.statement = {"overview", sql_overview, 1}, .params = {"?watch"}},
	{METHOD_GET, API "/hours", .serve = serve_hours},
	{METHOD_GET, API "/points", .status = 200,
		.statement = {"points", sql_points, 2},
		.params = {"?report", "?limit"}},
	{METHOD_GET, API "/schedules", .status = 200,
		.statement = {"schedules", sql_schedules, 1}, .params = {"?limit"}},
	{METHOD_GET, API "/dependencies", .status = 200,
		.statement = {"dependencies", sql_dependencies, 0}},
	{.path = NULL},
};
/* clang-format on */
