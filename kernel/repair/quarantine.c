/* SPDX-License-Identifier: MIT */
/*
 * quarantine.c: who crashes too often is refused, and after a while one task is let
 * through to show that it does not any more.
 *
 *   OPEN ──too many crashes──▶ QUARANTINED ──pause──▶ PROBATION ──spawned──▶ TRIAL
 *    ▲                              ▲ (twice as long)                        │  │
 *    │                              └────────────── any crash ───────────────┘  │
 *    └──────────────────────────────────── ended well ──────────────────────────┘
 *
 * Who: tasks of one type by one key (ipc/base/crash_key.h), so that a client which crashes its
 * own tasks is refused, and nobody else. All of a type are when more keys crash it than one
 * may have crashes: then it is the code. A crash without a key is the type's own.
 *
 * The history that this goes by is the crash records on the board, and the rest stands in
 * gates in the arena (ipc/arena/quarantine.h): a new kernel judges as its predecessor would have.
 * A worker that writes there fools its own service alone.
 */
#include "kernel/repair/quarantine.h"

#include <stdio.h>
#include <string.h>

#include "ipc/base/crash_key.h"
#include "kernel/base/clock.h"
#include "kernel/base/log.h"
#include "kernel/base/text.h"
#include "kernel/process/services.h"

enum {
	PAUSE_MAX_MS = 3600 * 1000, /* unless the period is longer */
	KEYS_MIN = 4,               /* fewer than these are never the code's fault */
	TELL_MS = 10 * 1000,        /* how many were refused, at most so often */
	WHO = 120,
};

/* @list: names, '\n' between them. */
static bool listed(const char *list, size_t size, const char *name)
{
	size_t len = strlen(name);
	const char *end = list + strnlen(list, size);

	for (const char *at = list; at < end;) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		size_t n = (size_t)((nl ? nl : end) - at);

		if (n == len && !memcmp(at, name, len))
			return true;
		at += n + 1;
	}
	return false;
}

/* What crashed before the death at hand (of which there may be a record already). */
struct history {
	uint32_t own;  /* crashes of the type by the key */
	uint32_t keys; /* that crashed the type, this one included; UINT8_MAX + 1 at most */
};

/* Since when a crash of the type counts. */
static int64_t since(const struct bh_ksvc *s, uint32_t type)
{
	int64_t now = s->kernel->now_ns, forgiven = bh_ld_rlx(&s->v.types[type].forgiven_ns);
	int64_t from = now - s->plan->crash_period_ms * BH_NS_PER_MS;

	return forgiven > from && forgiven <= now ? forgiven : from;
}

static void read_history(const struct bh_ksvc *s, const struct bh_crash_facts *f, struct history *h)
{
	const struct bh_board *b = s->kernel->board;
	int64_t from = since(s, f->type);
	uint64_t keys[UINT8_MAX + 1] = { f->key };

	*h = (struct history){ .keys = 1 };
	for (uint32_t i = 0; i < BH_BOARD_CRASHES; i++) {
		const struct bh_board_crash *c = &b->crash[i];
		uint32_t k = 0;

		if (!c->id || c->id == f->recorded || c->service != s->id || !c->task ||
		    c->task_type != f->type || c->time_ns < from ||
		    !(c->oom || bh_signal_own_fault(c->signal)))
			continue;
		h->own += c->crash_key == f->key;
		while (k < h->keys && keys[k] != c->crash_key)
			k++;
		if (k == h->keys && k <= UINT8_MAX)
			keys[h->keys++] = c->crash_key;
	}
}

/* How long nobody is let through: the period in which crashes count, and twice as
 * long after each trial that failed. */
static int64_t pause_ms(const struct bh_plan_service *plan, uint32_t rounds)
{
	int64_t first = plan->crash_period_ms, most = first > PAUSE_MAX_MS ? first : PAUSE_MAX_MS;
	int64_t pause = first << (rounds < 20 ? rounds : 20);

	return pause < most ? pause : most;
}

/* -- gates ---------------------------------------------------------------------------- */

static bool by_key(const struct bh_ksvc *s, const struct bh_gate *g)
{
	return g >= s->v.a->gate && g < s->v.a->gate + BH_GATES;
}

static uint32_t type_of(const struct bh_ksvc *s, const struct bh_gate *g)
{
	uintptr_t types = (uintptr_t)s->v.types;

	return by_key(s, g) ? bh_ld_rlx(&g->type) % BH_TYPES :
			      (uint32_t)(((uintptr_t)g - types) / sizeof(struct bh_type));
}

static uint32_t state_of(const struct bh_gate *g)
{
	return bh_gate_state_of(bh_ld_acq(&g->word));
}

/* Commit: the store of the word. */
static void move(struct bh_gate *g, enum bh_gate_state state)
{
	bh_st_rel(&g->word, bh_gate_word(bh_ld_rlx(&g->word), state));
}

/* "task type http.crash", "task type http.crash from 192.0.2.7". */
static const char *who(const struct bh_ksvc *s, const struct bh_gate *g, char text[static WHO])
{
	char name[40], key[BH_KEY_TEXT] = "";

	bh_type_name(s, type_of(s, g), name);
	if (by_key(s, g))
		bh_crash_key_text(bh_ld_rlx(&g->key), key);
	snprintf(text, WHO, "task type %s%s%s", name, key[0] ? " from " : "", key);
	return text;
}

static struct bh_gate *find(struct bh_ksvc *s, uint32_t type, uint64_t key)
{
	for (uint32_t i = 0; key && i < BH_GATES; i++) {
		struct bh_gate *g = &s->v.a->gate[i];

		if (state_of(g) != BH_GATE_OPEN && type_of(s, g) == type &&
		    bh_ld_rlx(&g->key) == key)
			return g;
	}
	return NULL;
}

/* A spawn of @type looks at gates by key if there are any. Workers move no word that is
 * OPEN or KEYS. */
static void mark_type(struct bh_ksvc *s, uint32_t type)
{
	struct bh_gate *all = &s->v.types[type].gate;
	uint32_t state = state_of(all), want = BH_GATE_OPEN;

	for (uint32_t i = 0; i < BH_GATES; i++)
		if (state_of(&s->v.a->gate[i]) != BH_GATE_OPEN &&
		    type_of(s, &s->v.a->gate[i]) == type)
			want = BH_GATE_KEYS;
	if ((state == BH_GATE_OPEN || state == BH_GATE_KEYS) && state != want)
		move(all, want);
}

/* How many were refused: at most every so often, or @now. */
static void tell_refused(struct bh_ksvc *s, struct bh_gate *g, bool now)
{
	uint64_t n = bh_ld_rlx(&g->refused), told = bh_ld_rlx(&g->told);
	int64_t since_ns = s->kernel->now_ns - bh_ld_rlx(&g->told_ns);
	char text[WHO];

	if (n <= told || (!now && since_ns >= 0 && since_ns < TELL_MS * BH_NS_PER_MS))
		return;
	bh_st_rlx(&g->told, n);
	bh_st_rlx(&g->told_ns, s->kernel->now_ns);
	bh_log("service %s: %s: %llu refused since its quarantine began (`bhctl quarantine`)",
	       s->plan->name, who(s, g, text), (unsigned long long)n);
}

/* Nobody is refused by @g any more. */
static void open_gate(struct bh_ksvc *s, struct bh_gate *g)
{
	tell_refused(s, g, true);
	bh_st_rlx(&g->rounds, 0);
	bh_st_rlx(&g->until_ns, 0);
	move(g, BH_GATE_OPEN);
	mark_type(s, type_of(s, g));
}

/* A gate for @type and @key: a free one, or the one that was shut the longest ago. Its new
 * occupant has a word of its own: a CAS for the old one fails. */
static struct bh_gate *take(struct bh_ksvc *s, uint32_t type, uint64_t key)
{
	struct bh_gate *g = NULL;
	char text[WHO];

	for (uint32_t i = 0; i < BH_GATES; i++) {
		struct bh_gate *at = &s->v.a->gate[i];

		if (state_of(at) == BH_GATE_OPEN) {
			g = at;
			break;
		}
		if (!g || bh_ld_rlx(&at->since_ns) < bh_ld_rlx(&g->since_ns))
			g = at;
	}
	if (state_of(g) != BH_GATE_OPEN) {
		bh_log("service %s: more than %d are quarantined: %s is let go for another",
		       s->plan->name, BH_GATES, who(s, g, text));
		open_gate(s, g);
	}
	bh_st_rel(&g->word, ((bh_ld_rlx(&g->word) >> 8) + 1) << 8 | BH_GATE_OPEN);
	bh_fence(); /* before what follows is seen with the old word */
	bh_st_rlx(&g->type, type);
	bh_st_rlx(&g->key, key);
	bh_st_rlx(&g->rounds, 0);
	bh_st_rlx(&g->refused, 0);
	bh_st_rlx(&g->told, 0);
	bh_st_rlx(&g->told_ns, 0);
	return g;
}

static void shut(struct bh_ksvc *s, struct bh_gate *g, const struct history *h)
{
	const struct bh_plan_service *plan = s->plan;
	uint32_t rounds = bh_ld_rlx(&g->rounds);
	int64_t pause = pause_ms(plan, rounds);
	char text[WHO];

	if (!rounds && !by_key(s, g)) {
		bh_st_rlx(&g->refused, 0);
		bh_st_rlx(&g->told, 0);
	}
	bh_st_rlx(&g->rounds, rounds + 1);
	bh_st_rlx(&g->since_ns, s->kernel->now_ns);
	bh_st_rlx(&g->until_ns, s->kernel->now_ns + pause * BH_NS_PER_MS);
	move(g, BH_GATE_QUARANTINED);
	mark_type(s, type_of(s, g));
	who(s, g, text);
	if (rounds)
		bh_log("service %s: %s crashed on probation: it stays quarantined for %lld s",
		       plan->name, text, (long long)(pause / 1000));
	else if (h->own >= plan->crash_intensity)
		bh_log("service %s: %s crashed more than %u times within %u ms: it is "
		       "quarantined for %lld s",
		       plan->name, text, plan->crash_intensity, plan->crash_period_ms,
		       (long long)(pause / 1000));
	else
		bh_log("service %s: %s was crashed by %u clients within %u ms: all of it is "
		       "quarantined for %lld s",
		       plan->name, text, h->keys, plan->crash_period_ms, (long long)(pause / 1000));
}

/* On trial is who is spawned next. */
static void offer(struct bh_gate *g)
{
	bh_st_rlx(&g->until_ns, 0);
	bh_st_rlx(&g->trial, 0);
	move(g, BH_GATE_PROBATION);
}

/* -- a crash ---------------------------------------------------------------------------- */

/* It proved nothing: another one shall. */
static void offer_again(struct bh_gate *g, uint64_t task)
{
	if (g && state_of(g) == BH_GATE_TRIAL && bh_ld_rlx(&g->trial) == task)
		offer(g);
}

static bool on_probation(const struct bh_gate *g)
{
	return g && (state_of(g) == BH_GATE_PROBATION || state_of(g) == BH_GATE_TRIAL);
}

bool bh_quarantine(struct bh_ksvc *s, const struct bh_crash_facts *f)
{
	const struct bh_plan_service *plan = s->plan;
	uint32_t type = f->type % BH_TYPES, limit = plan->crash_intensity;
	struct bh_gate *all = &s->v.types[type].gate, *own = find(s, type, f->key);
	struct history h;

	if (!limit || listed(plan->crash_exempt, sizeof(plan->crash_exempt), f->task_name))
		return false;
	if (!bh_crash_own_fault(f)) {
		offer_again(all, f->task);
		offer_again(own, f->task);
		return false;
	}
	if (state_of(all) == BH_GATE_QUARANTINED || (own && state_of(own) == BH_GATE_QUARANTINED))
		return true;
	read_history(s, f, &h);
	/* The one at hand comes on top. */
	if (on_probation(all) || h.keys > (limit < KEYS_MIN ? KEYS_MIN - 1 : limit) ||
	    (!f->key && h.own >= limit))
		shut(s, all, &h);
	else if (on_probation(own) || h.own >= limit)
		shut(s, own ? own : take(s, type, f->key), &h);
	else
		return false;
	return true;
}

/* -- probation ---------------------------------------------------------------------- */

static void begin_probation(struct bh_ksvc *s, struct bh_gate *g)
{
	char text[WHO];

	offer(g);
	bh_log("service %s: %s is on probation: one task is let through", s->plan->name,
	       who(s, g, text));
}

/* A trial is passed by a task that ends without a crash, or lives for the period. One
 * that crashed is not seen here: its gate was shut again before it ended. */
static void judge(struct bh_ksvc *s, struct bh_gate *g)
{
	uint64_t trial = bh_ld_acq(&g->trial);
	const struct bh_tcb *task = trial ? bh_tcb_of(&s->v, trial) : NULL;
	int64_t now = s->kernel->now_ns, until = bh_ld_rlx(&g->until_ns);
	bool ended = trial && (!task || bh_state_of(bh_ld_acq(&task->state)) == BH_DONE);
	char text[WHO];

	if (!until)
		bh_st_rlx(&g->until_ns, now + s->plan->crash_period_ms * BH_NS_PER_MS);
	if (ended || (trial && until && now >= until)) {
		open_gate(s, g);
		bh_log("service %s: %s has stood its trial: its quarantine is lifted",
		       s->plan->name, who(s, g, text));
	} else if (until && now >= until) {
		offer(g); /* its spawner died before it could say whom it spawned */
	}
}

static void look(struct bh_ksvc *s, struct bh_gate *g)
{
	int64_t until = bh_ld_rlx(&g->until_ns), now = s->kernel->now_ns;
	int64_t most = pause_ms(s->plan, UINT32_MAX) * BH_NS_PER_MS;

	switch (state_of(g)) {
	case BH_GATE_OPEN:
		return;
	case BH_GATE_QUARANTINED:
		if (until <= now || until > now + most)
			begin_probation(s, g);
		break;
	case BH_GATE_PROBATION:
		/* It has not come back: its place is another's. */
		if (by_key(s, g) && now - bh_ld_rlx(&g->since_ns) > 2 * most)
			open_gate(s, g);
		break;
	case BH_GATE_TRIAL:
		judge(s, g);
		break;
	case BH_GATE_KEYS:
		if (!by_key(s, g))
			break;
		/* fall through */
	default: /* garbage: workers would refuse it for ever */
		open_gate(s, g);
		break;
	}
	tell_refused(s, g, false);
}

void bh_quarantine_look(struct bh_kernel *k)
{
	bh_for_each_running_service(s, k) {
		bool keys = false;
		for (uint32_t g = 0; g < BH_GATES; g++) {
			look(s, &s->v.a->gate[g]);
			keys |= state_of(&s->v.a->gate[g]) != BH_GATE_OPEN;
		}
		for (uint32_t type = 0; type < BH_TYPES; type++) {
			look(s, &s->v.types[type].gate);
			if (keys || state_of(&s->v.types[type].gate) != BH_GATE_OPEN)
				mark_type(s, type);
		}
	}
}

/* -- by hand --------------------------------------------------------------------------- */

void bh_quarantine_lift(struct bh_ksvc *s, uint32_t type, const uint64_t *key)
{
	uint64_t seen = 0;
	char text[WHO];

	if (!s->mapped || bh_service_resetting(s))
		return;
	for (uint32_t i = 0; i < BH_TYPES + BH_GATES; i++) {
		struct bh_gate *g =
			i < BH_TYPES ? &s->v.types[i].gate : &s->v.a->gate[i - BH_TYPES];
		uint32_t of = type_of(s, g), state = state_of(g);

		if (state == BH_GATE_OPEN || state == BH_GATE_KEYS ||
		    (type < BH_TYPES && of != type) ||
		    (key && *key != (i < BH_TYPES ? 0 : bh_ld_rlx(&g->key))))
			continue;
		/* Else the next crash would come on top of those before. */
		bh_st_rlx(&s->v.types[of].forgiven_ns, s->kernel->now_ns);
		open_gate(s, g);
		bh_log("service %s: the quarantine of %s is lifted by hand", s->plan->name,
		       who(s, g, text));
		seen++;
	}
	if (!seen)
		bh_log("service %s: nothing is quarantined that was to be lifted", s->plan->name);
}
