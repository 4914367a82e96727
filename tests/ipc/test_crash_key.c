/* SPDX-License-Identifier: MIT */
/* test_crash_key.c: whom a crash is counted against, and how people see it. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/base/crash_key.h"
#include "tests/check_run.h"

static uint64_t key_of(const char *address, uint16_t port)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (inet_pton(AF_INET, address, &a4.sin_addr) == 1)
		return bh_crash_key_of((struct sockaddr *)&a4, sizeof(a4));
	ck_assert_int_eq(inet_pton(AF_INET6, address, &a6.sin6_addr), 1);
	return bh_crash_key_of((struct sockaddr *)&a6, sizeof(a6));
}

static const struct {
	const char *address, *text;
} peers[] = {
	{ "192.0.2.7", "192.0.2.7" },
	{ "0.0.0.0", "0.0.0.0" },
	{ "255.255.255.255", "255.255.255.255" },
	{ "::ffff:192.0.2.7", "192.0.2.7" },
	{ "::1", "::1" },
	{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
	{ "3fff:f:f:f::9", "3fff:f:f:f::/64" },
	{ "fd12:3456:789a:1::1", "fd12:3456:789a:1::/64" },
	{ "fe80::1234:56ff:fe78:9abc", "fe80::*:56ff:fe78:9abc" },
};

START_TEST(peer_is_its_address_without_the_port)
{
	uint64_t key = key_of(peers[_i].address, 1);
	char text[BH_KEY_TEXT];

	ck_assert_uint_ne(key, 0);
	ck_assert_uint_eq(key, key_of(peers[_i].address, 65535));
	bh_crash_key_text(key, text);
	ck_assert_str_eq(text, peers[_i].text);
}
END_TEST

START_TEST(ipv6_peer_has_all_of_its_network)
{
	ck_assert_uint_eq(key_of("2001:db8::1", 1), key_of("2001:db8::ffff:1:2:3", 1));
	ck_assert_uint_ne(key_of("2001:db8::1", 1), key_of("2001:db8:0:1::1", 1));
	ck_assert_uint_ne(key_of("fe80::1", 1), key_of("fe80::2", 1));
	ck_assert_uint_eq(key_of("::ffff:192.0.2.7", 1), key_of("192.0.2.7", 1));
}
END_TEST

START_TEST(nobody_and_what_has_no_address)
{
	struct sockaddr sa = { .sa_family = AF_UNIX };
	char text[BH_KEY_TEXT];

	ck_assert_uint_eq(bh_crash_key_of(&sa, sizeof(sa.sa_family)), 0);
	sa.sa_family = AF_INET;
	ck_assert_uint_eq(bh_crash_key_of(&sa, sizeof(sa.sa_family)), 0);
	bh_crash_key_text(0, text);
	ck_assert_str_eq(text, "");
	bh_crash_key_text(BH_KEY_UID | 1000, text);
	ck_assert_str_eq(text, "uid 1000");
	bh_crash_key_text(42, text);
	ck_assert_str_eq(text, "42");
}
END_TEST

START_TEST(hash_is_never_nobody_nor_an_address)
{
	char text[BH_KEY_TEXT];

	ck_assert_uint_ne(bh_crash_key_hash("", 0), 0);
	for (int i = 0; i < 4096; i++) {
		uint64_t key = bh_crash_key_hash(&i, sizeof(i));

		bh_crash_key_text(key, text);
		ck_assert_msg(!strncmp(text, "0x", 2), "%s", text);
		ck_assert_uint_eq(key, bh_crash_key_hash(&i, sizeof(i)));
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("crash_key");
	Suite *s = suite_create("ipc.crash_key");

	tcase_add_loop_test(tc, peer_is_its_address_without_the_port, 0,
			    sizeof(peers) / sizeof(peers[0]));
	tcase_add_test(tc, ipv6_peer_has_all_of_its_network);
	tcase_add_test(tc, nobody_and_what_has_no_address);
	tcase_add_test(tc, hash_is_never_nobody_nor_an_address);
	suite_add_tcase(s, tc);
	return bh_check_run(s);
}
