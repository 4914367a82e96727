/* SPDX-License-Identifier: MIT */
/*
 * sqlite.c: SQLite as its own rules ask for it, one connection in each process, opened
 * there; from jobs or from pinned tasks. Each adds one to a counter in a transaction and
 * counts what was acknowledged in memory of the service. Options: `file`, `mode` ("wal" or
 * "delete"), `from` ("jobs" or "tasks"), `kill`: one in so many dies in its transaction.
 */
#include <bulkhead/bulkhead.h>

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	WRITERS = 4,
	ROUNDS = 15,
};

static struct shared {
	_Atomic long tried, acknowledged, killed, failed;
	_Atomic int told;
} * at;

/* The second one reads while the first one writes: both in one process. */
BH_PRIVATE_LIBRARY("libsqlite3");
static BH_PRIVATE sqlite3 *writer, *reader;

static int option(const char *key)
{
	const char *v = bh_option(key);

	return v ? atoi(v) : 0;
}

static int run(sqlite3 *db, const char *sql)
{
	char *text = NULL;
	int rc = sqlite3_exec(db, sql, NULL, NULL, &text);

	if (rc && at->told++ < 5)
		dprintf(1, "sqlite: %s: %s\n", sql, text ? text : "?");
	sqlite3_free(text);
	return rc;
}

static int connect_to(sqlite3 **db)
{
	int rc = *db ? 0 : sqlite3_open(bh_option("file"), db);

	/* A dead holder's lock is given back within milliseconds. */
	return rc ? rc : sqlite3_busy_timeout(*db, 20000);
}

static int begin(sqlite3_stmt **open)
{
	int rc = connect_to(&writer);

	if (!rc)
		rc = connect_to(&reader);
	if (!rc)
		rc = sqlite3_prepare_v2(reader, "select n from counter", -1, open, NULL);
	if (!rc)
		rc = sqlite3_step(*open) == SQLITE_ROW ? 0 : sqlite3_errcode(reader);
	sqlite3_finalize(*open);
	return rc ? rc : run(writer, "begin immediate");
}

static int64_t add(void *unused)
{
	sqlite3_stmt *open = NULL;
	int every = option("kill");
	bool dies = every && ++at->tried % every == 0;

	(void)unused;
	if (begin(&open) || run(writer, "update counter set n = n + 1")) {
		at->failed++;
		run(writer, "rollback");
		return -1;
	}
	if (dies) {
		at->killed++;
		raise(SIGKILL);
	}
	if (run(writer, "commit")) {
		at->failed++;
		return -1;
	}
	at->acknowledged++;
	return 0;
}

static int spawn(bh_task *t, uint32_t n)
{
	struct bh_spawn_opts o = BH_SPAWN_OPTS_INIT;

	o.name = "sqlite.add";
	if (!strcmp(bh_option("from"), "jobs"))
		return bh_spawn_blocking(t, add, NULL, 0, &o);
	return bh_spawn_on(n % bh_workers(), t, add, NULL, 0, &o);
}

static int prepare(void)
{
	sqlite3 *db = NULL;
	bool wal = !strcmp(bh_option("mode"), "wal");
	int rc = sqlite3_open(bh_option("file"), &db);

	if (!rc)
		rc = run(db, wal ? "pragma journal_mode = wal" : "pragma journal_mode = delete");
	if (!rc)
		rc = run(db, "create table counter (n); insert into counter values (0)");
	sqlite3_close(db);
	return rc;
}

static int64_t make(void *unused)
{
	(void)unused;
	return prepare();
}

/* What is in the file, by a connection of its own. */
static int64_t look(void *unused)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *s = NULL;
	long n = -1;
	const char *sound = "?";

	(void)unused;
	if (!sqlite3_open(bh_option("file"), &db) && !sqlite3_busy_timeout(db, 20000) &&
	    !sqlite3_prepare_v2(db, "select n from counter", -1, &s, NULL) &&
	    sqlite3_step(s) == SQLITE_ROW)
		n = (long)sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	if (!sqlite3_prepare_v2(db, "pragma integrity_check", -1, &s, NULL) &&
	    sqlite3_step(s) == SQLITE_ROW)
		sound = (const char *)sqlite3_column_text(s, 0);
	dprintf(1, "sqlite: acknowledged %ld counter %ld killed %ld failed %ld integrity %s\n",
		at->acknowledged, n, at->killed, at->failed, sound);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return 0;
}

static int once(bh_fiber_fn fn)
{
	bh_task t;
	struct bh_result r;
	int err = bh_spawn_blocking(&t, fn, NULL, 0, NULL);

	if (!err)
		err = bh_join(t, &r, bh_after(BH_S(60)));
	return err ? err : (int)r.value;
}

static int64_t sqlite_main(void *unused)
{
	bh_task t[WRITERS];

	(void)unused;
	if (once(make))
		return 1;
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t n = 0;

		while (n < WRITERS && !spawn(&t[n], n))
			n++;
		while (n)
			(void)!bh_join(t[--n], NULL, bh_after(BH_S(60)));
	}
	(void)!once(look);
	return 0;
}

static int sqlite_init(void)
{
	at = mmap(NULL, sizeof(*at), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return at == MAP_FAILED ? -ENOMEM : 0;
}

const struct bh_service bulkhead_service = {
	.size = sizeof(struct bh_service),
	.name = "sqlite",
	.init = sqlite_init,
	.main = sqlite_main,
};
