#pragma once

#include "api_error.h"
#include "router.h"
#include "service.h"

/// Where every path of the server leads: one function per API, each in its api_*.cc. Start reading here.
namespace auspex::server {

/// /api/v1/query, query_range, format_query, parse_query, functions
void AddQueryRoutes(Router& router, Service& service);
/// /api/v1/labels, label/{name}/values, series
void AddSeriesRoutes(Router& router, Service& service);
/// /api/v1/rules and alerts, as Prometheus shows its own
void AddRuleRoutes(Router& router, Service& service);
/// /api/v1/write, /write, /api/v2/write, /api/v1/import/prometheus
void AddIngestRoutes(Router& router, Service& service);
/// /api/v1/continuous_queries and their replay
void AddContinuousQueryRoutes(Router& router, Service& service);
/// /api/v1/explain_anomaly, and backtest and whatif of a continuous query: judgements that store nothing
void AddJudgementRoutes(Router& router, Service& service);
/// The answer to a statement given as a query: EXPLAIN ANOMALY, BACKTEST or WHATIF. None: another text.
std::optional<ApiResult> AnswerJudgement(Service& service, std::string_view text, int64_t time_ms, ResponseWriter& response);
/// /api/v1/insights
void AddInsightRoutes(Router& router, Service& service);
/// /api/v1/events
void AddEventRoutes(Router& router, Service& service);
/// /-/healthy, /-/ready, /metrics, /api/v1/status/buildinfo, /api/v1/admin/*
void AddStatusRoutes(Router& router, Service& service);

/// /api/v1/targets, alertmanagers, status/config, flags, runtimeinfo, tsdb
void AddRuntimeRoutes(Router& router, Service& service);
/// /api/v1/read: Prometheus remote read
void AddRemoteReadRoutes(Router& router, Service& service);
/// /api/v1/metadata and query_exemplars
void AddMetadataRoutes(Router& router, Service& service);
/// /api/v1/admin/tsdb/*: deletion, snapshots
void AddAdminRoutes(Router& router, Service& service);

/// All of the above. Both are borrowed.
void AddRoutes(Router& router, Service& service);

}  // namespace auspex::server
