/* SPDX-License-Identifier: MIT */
#ifndef BH_TESTS_SANITIZED_H
#define BH_TESTS_SANITIZED_H

/* 1 under TSan, with either compiler. */
#if defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
