/* SPDX-License-Identifier: MIT */
#include "config_schema.h"

#include <stdbool.h>

#include "config.h"

/* Optional, and NULL where the file has nothing. */
#define OPT                     (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)
#define TEXT(key, type, member) CYAML_FIELD_STRING_PTR(key, OPT, type, member, 0, BH_YAML_BYTES)

static const cyaml_schema_value_t text_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, BH_YAML_BYTES),
};

static const cyaml_schema_field_t limits_fields[] = {
	CYAML_FIELD_UINT_PTR("tasks", OPT, struct bh_config_limits, tasks),
	CYAML_FIELD_UINT_PTR("io", OPT, struct bh_config_limits, io),
	TEXT("memory", struct bh_config_limits, memory),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t blocking_fields[] = {
	CYAML_FIELD_UINT_PTR("max", OPT, struct bh_config_blocking, max),
	TEXT("keep_alive", struct bh_config_blocking, keep_alive),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t crash_fields[] = {
	CYAML_FIELD_UINT_PTR("intensity", OPT, struct bh_config_crash, intensity),
	TEXT("period", struct bh_config_crash, period),
	CYAML_FIELD_SEQUENCE("exempt", OPT, struct bh_config_crash, exempt, &text_value, 0, 32),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t start_fields[] = {
	TEXT("timeout", struct bh_config_start, timeout),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t restart_fields[] = {
	CYAML_FIELD_UINT_PTR("intensity", OPT, struct bh_config_restart, intensity),
	TEXT("period", struct bh_config_restart, period),
	TEXT("backoff_min", struct bh_config_restart, backoff_min),
	TEXT("backoff_max", struct bh_config_restart, backoff_max),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t scheduler_fields[] = {
	CYAML_FIELD_UINT_PTR("inject_interval", OPT, struct bh_config_scheduler, inject_interval),
	CYAML_FIELD_UINT_PTR("event_interval", OPT, struct bh_config_scheduler, event_interval),
	CYAML_FIELD_UINT_PTR("budget", OPT, struct bh_config_scheduler, budget),
	CYAML_FIELD_UINT_PTR("lifo", OPT, struct bh_config_scheduler, lifo),
	CYAML_FIELD_UINT_PTR("seed", OPT, struct bh_config_scheduler, seed),
	TEXT("spin", struct bh_config_scheduler, spin),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t hang_fields[] = {
	TEXT("report_after", struct bh_config_hang, report_after),
	TEXT("kill_after", struct bh_config_hang, kill_after),
	CYAML_FIELD_END,
};

static const cyaml_strval_t hog_actions[] = {
	{ "report", BH_HOG_REPORT },
	{ "kill", BH_HOG_KILL },
};

static const cyaml_schema_field_t hog_fields[] = {
	TEXT("after", struct bh_config_hog, after),
	CYAML_FIELD_ENUM("action", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct bh_config_hog,
			 action, hog_actions, 2),
	CYAML_FIELD_END,
};

static const cyaml_strval_t cores[] = {
	{ "task", BH_CORE_TASK },
	{ "none", BH_CORE_NONE },
	{ "all", BH_CORE_ALL },
};

static const cyaml_schema_field_t service_fields[] = {
	CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct bh_config_service, name, 0,
			       BH_YAML_BYTES),
	TEXT("module", struct bh_config_service, module),
	CYAML_FIELD_UINT_PTR("workers", OPT, struct bh_config_service, workers),
	CYAML_FIELD_UINT_PTR("max_workers", OPT, struct bh_config_service, max_workers),
	CYAML_FIELD_SEQUENCE("listen", OPT, struct bh_config_service, listen, &text_value, 0,
			     BH_PLAN_LISTEN),
	TEXT("user", struct bh_config_service, user),
	CYAML_FIELD_MAPPING("limits", CYAML_FLAG_OPTIONAL, struct bh_config_service, limits,
			    limits_fields),
	CYAML_FIELD_MAPPING("blocking", CYAML_FLAG_OPTIONAL, struct bh_config_service, blocking,
			    blocking_fields),
	CYAML_FIELD_MAPPING("crash", CYAML_FLAG_OPTIONAL, struct bh_config_service, crash,
			    crash_fields),
	CYAML_FIELD_MAPPING("start", CYAML_FLAG_OPTIONAL, struct bh_config_service, start,
			    start_fields),
	CYAML_FIELD_MAPPING("restart", CYAML_FLAG_OPTIONAL, struct bh_config_service, restart,
			    restart_fields),
	CYAML_FIELD_MAPPING("hang", CYAML_FLAG_OPTIONAL, struct bh_config_service, hang,
			    hang_fields),
	CYAML_FIELD_MAPPING("hog", CYAML_FLAG_OPTIONAL, struct bh_config_service, hog, hog_fields),
	CYAML_FIELD_MAPPING("scheduler", CYAML_FLAG_OPTIONAL, struct bh_config_service, scheduler,
			    scheduler_fields),
	CYAML_FIELD_ENUM("core", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct bh_config_service,
			 core, cores, 3),
	CYAML_FIELD_IGNORE("options", CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t service_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct bh_config_service, service_fields),
};

static const cyaml_strval_t strategies[] = {
	{ "one_for_one", BH_ONE_FOR_ONE },
	{ "one_for_all", BH_ONE_FOR_ALL },
	{ "rest_for_one", BH_REST_FOR_ONE },
};

static const cyaml_schema_field_t top_fields[] = {
	TEXT("admin", struct bh_config_data, admin),
	CYAML_FIELD_ENUM("strategy", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct bh_config_data,
			 strategy, strategies, 3),
	TEXT("grace", struct bh_config_data, grace),
	CYAML_FIELD_BOOL_PTR("trace", OPT, struct bh_config_data, trace),
	CYAML_FIELD_SEQUENCE("services", CYAML_FLAG_POINTER, struct bh_config_data, services,
			     &service_value, 1, BH_PLAN_SERVICES),
	CYAML_FIELD_END,
};

const cyaml_schema_value_t bh_config_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct bh_config_data, top_fields),
};
