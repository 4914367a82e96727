/* SPDX-License-Identifier: MIT */
/* test_symbols.c: what functions are called. */
#include <check.h>

#include "tests/check_run.h"
#include "workers/base/symbols.h"

static const struct {
	const char *symbol, *plain;
} names[] = {
	{ "parse_head", "parse_head" },
	{ "crash.constprop.0", "crash" },
	{ ".hidden", "" },
	{ "", "" },
	{ "_Z5greetPv", "greet" },
	{ "_ZN4shop3payEPv", "shop::pay" },
	{ "_ZN4shop12_GLOBAL__N_13payEPv", "shop::pay" },
	{ "_ZN12_GLOBAL__N_1L3payEPv", "pay" },
	{ "_ZL3payPv", "pay" },
	{ "_ZZ5startPvENUlS_E_4_FUNES_", "start::lambda" },
	{ "_ZZN4shop5startEvENUlPvE_4_FUNES0_", "shop::start::lambda" },
	{ "_ZN3boxIiE3runEPv", "box" },
	{ "_ZN2bh6detail8callableIZN4shop5startEPvEUlvE0_E3runES2_", "shop::start::lambda" },
	{ "_ZN2bh6detail8callableIZL5startvEUlvE_E3runEPv", "start::lambda" },
	{ "_ZN2bh6detail8callableIN4shop3payEE3runEPv", "shop::pay" },
	{ "_ZN2bh6detail8callableI", "_ZN2bh6detail8callableI" },
	{ "_Z", "_Z" },
	{ "_Z99short", "_Z99short" },
	{ "_ZN99999999999999999999x", "_ZN99999999999999999999x" },
};

START_TEST(names_are_as_they_were_written)
{
	char name[40];

	bh_symbols_plain(names[_i].symbol, name, sizeof(name));
	ck_assert_str_eq(name, names[_i].plain);
}
END_TEST

START_TEST(long_names_are_cut)
{
	char name[8];

	bh_symbols_plain("_ZN4shop3payEPv", name, sizeof(name));
	ck_assert_str_eq(name, "shop::p");
	bh_symbols_plain("_ZN7checker3payEPv", name, sizeof(name));
	ck_assert_str_eq(name, "checker");
	bh_symbols_plain("parse_head", name, sizeof(name));
	ck_assert_str_eq(name, "parse_h");
}
END_TEST

static int64_t of_this_file(void *arg)
{
	return (int64_t)(intptr_t)arg;
}

START_TEST(static_functions_are_found)
{
	int64_t (*volatile fn)(void *) = of_this_file;
	char name[40];

	bh_symbols_load();
	ck_assert(bh_symbols_name((uint64_t)(uintptr_t)fn, name, sizeof(name)));
	ck_assert_str_eq(name, "of_this_file");
	ck_assert(!bh_symbols_name((uint64_t)(uintptr_t)fn + 1, name, sizeof(name)));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("symbols");
	TCase *t = tcase_create("names");

	tcase_add_loop_test(t, names_are_as_they_were_written, 0,
			    (int)(sizeof(names) / sizeof(*names)));
	tcase_add_test(t, long_names_are_cut);
	tcase_add_test(t, static_functions_are_found);
	suite_add_tcase(suite, t);
	return bh_check_run(suite);
}
