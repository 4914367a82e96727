/* SPDX-License-Identifier: MIT */
/* top.c: bhctl top: what the system does, live, on a terminal. */
#include <errno.h>
#include <nng/nng.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Last: it defines short words. */
#define NCURSES_NOMACROS
#include <curses.h>

#include "tools/bhctl/bhctl.h"
#include "tools/bhctl/top/poll.h"
#include "tools/bhctl/top/view.h"

enum {
	TICK_MS = 50,
	ESCAPE_MS = 25, /* bytes that follow ESC within it belong to one key */
	NOTICE_S = 5,
	COLUMNS_ONCE = 80,
};

struct top {
	struct bh_top_model model;
	struct bh_top_poll poll;
	struct bh_top_ui ui;
	struct bh_top_grid grid;
	unsigned systems; /* of which was told */
	int64_t notice_until;
	char notice[100];
	int attributes[BH_LOOKS];
};

static volatile sig_atomic_t ended; /* by a signal */

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static void set_styles(struct top *t)
{
	static const int plain[BH_LOOKS] = {
		[BH_STYLE_STRONG] = A_BOLD,
		[BH_STYLE_HEAD] = A_REVERSE,
		[BH_STYLE_FOCUS] = A_REVERSE | A_BOLD,
		[BH_STYLE_PARKED] = A_DIM,
		[BH_STYLE_ALARM] = A_BOLD,
	};
	static const struct {
		int style, color;
	} colored[] = { { BH_STYLE_BUSY, COLOR_GREEN },
			{ BH_STYLE_WAITS, COLOR_YELLOW },
			{ BH_STYLE_ALARM, COLOR_RED } };
	const char *no = getenv("NO_COLOR");

	memcpy(t->attributes, plain, sizeof(plain));
	if ((no && *no) || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	for (int i = 0; i < 3; i++) {
		init_pair((short)(i + 1), (short)colored[i].color, -1);
		t->attributes[colored[i].style] |= (int)COLOR_PAIR(i + 1);
	}
}

static int open_screen(struct top *t)
{
	const char *term = getenv("TERM");

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fprintf(stderr, "bhctl: top needs a terminal; `bhctl top --once` prints what it "
				"would show, `bhctl status --json` is for scripts\n");
		return BH_EXIT_USAGE;
	}
	use_tioctl(TRUE);
	if (!term || !*term || !newterm(NULL, stdout, stdin)) {
		fprintf(stderr,
			"bhctl: top cannot draw on a terminal of type %.40s ($TERM); `bhctl top "
			"--once` and `bhctl status` need none\n",
			term && *term ? term : "unknown");
		return BH_EXIT_USAGE;
	}
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	leaveok(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	set_styles(t);
	return 0;
}

static void paint(struct top *t)
{
	int rows, columns;

	getmaxyx(stdscr, rows, columns);
	if (rows < 1 || columns < 1)
		return;
	if ((rows != t->grid.rows || columns != t->grid.columns) &&
	    !bh_top_grid_resize(&t->grid, rows, columns))
		return;
	bh_top_draw(&t->grid, &t->model, &t->ui);
	for (int i = 0; i < rows * columns; i++) {
		chtype c = (unsigned char)t->grid.text[i];

		mvaddch(i / columns, i % columns, c | (chtype)t->attributes[t->grid.style[i]]);
	}
	refresh();
}

static int translate(int key)
{
	switch (key) {
	case KEY_UP:
		return 'k';
	case KEY_DOWN:
		return 'j';
	case KEY_PPAGE:
		return 'b';
	case KEY_NPAGE:
		return 'f';
	case KEY_LEFT:
		return '<';
	case KEY_RIGHT:
		return '>';
	case KEY_F(1):
		return 'h';
	case KEY_F(10):
		return 'q';
	case KEY_ENTER:
		return '\n';
	default:
		return key;
	}
}

/* False: to quit. A size that changed comes as a key, too. */
static bool take_keys(struct top *t, bool *news)
{
	int key;

	while ((key = getch()) != ERR) {
		*news = true;
		if (key != KEY_RESIZE && !bh_top_key(&t->ui, &t->model, translate(key)))
			return false;
	}
	return true;
}

/* What has to be said at once. */
static bool notice(struct top *t, int64_t now)
{
	const char *before = t->ui.notice;

	if (t->model.systems > t->systems) {
		if (t->systems) {
			snprintf(t->notice, sizeof(t->notice), "a new system has been started");
			t->notice_until = now + NOTICE_S * 1000000000ll;
		}
		t->systems = t->model.systems;
	}
	if (t->poll.gone) {
		snprintf(t->notice, sizeof(t->notice),
			 "no answer: has the system ended? Looking for it; q quits");
		t->notice_until = now + 1;
	}
	t->ui.notice = now < t->notice_until ? t->notice : NULL;
	return before != t->ui.notice;
}

static void watch(struct top *t)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				{ .fd = t->poll.line.fd, .events = POLLIN } };
	bool news = true;

	while (!ended) {
		if (news)
			paint(t);
		if (poll(fds, 2, TICK_MS) < 0 && errno != EINTR)
			return;
		/* The terminal is gone. */
		if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			return;
		news = false;
		if (!take_keys(t, &news))
			return;
		news |= bh_top_poll_turn(&t->poll, &t->model, t->ui.paused);
		news |= notice(t, bh_top_now());
	}
}

/* Two rounds, for the differences. */
static int print_once(struct top *t)
{
	struct pollfd fd = { .fd = t->poll.line.fd, .events = POLLIN };
	const char *env = getenv("COLUMNS");
	int columns = env ? atoi(env) : 0;

	while (t->poll.rounds < 2 && !t->poll.gone && !ended) {
		poll(&fd, 1, TICK_MS);
		bh_top_poll_turn(&t->poll, &t->model, false);
	}
	if (t->poll.rounds < 2) {
		fprintf(stderr, "bhctl: the system does not answer\n");
		return BH_EXIT_SYSTEM;
	}
	if (columns < 20 || columns > 1000)
		columns = COLUMNS_ONCE;
	/* Without the line of keys. */
	if (bh_top_grid_resize(&t->grid, bh_top_rows(&t->model), columns))
		bh_top_draw(&t->grid, &t->model, &t->ui);
	for (int row = 0; row + 1 < t->grid.rows; row++) {
		const char *line = t->grid.text + (size_t)row * (size_t)columns;
		int n = columns;

		while (n && line[n - 1] == ' ')
			n--;
		printf("%.*s\n", n, line);
	}
	if (t->grid.rows)
		return BH_EXIT_OK;
	fprintf(stderr, "bhctl: no memory for a table of %d columns\n", columns);
	return BH_EXIT_SYSTEM;
}

static int show(struct top *t)
{
	int code = open_screen(t);

	if (code)
		return code;
	watch(t);
	endwin();
	return BH_EXIT_OK;
}

int bh_top(const char *url, const struct bh_options *o)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = end };
	struct top t = { .ui.focus = BH_TOP_WORKERS };
	int err, code = BH_EXIT_SYSTEM;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &sa, NULL);
	bh_top_init(&t.model);
	err = bh_top_poll_open(&t.poll, url);
	if (err)
		fprintf(stderr, "bhctl: cannot ask %s: %s\n", url, nng_strerror(err));
	else
		code = o->once ? print_once(&t) : show(&t);
	bh_top_grid_fini(&t.grid);
	bh_top_fini(&t.model);
	return code;
}
