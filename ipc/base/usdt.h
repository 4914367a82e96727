/* SPDX-License-Identifier: MIT */
/*
 * usdt.h: static probes (USDT) for bpftrace, perf and SystemTap: a nop in the code,
 * and a note in the file that says where it is, what it is called and where its
 * arguments are.
 *
 * The nop has 5 bytes, so that Linux can replace it by a call: a hit then costs half as
 * much as a trap. (The nop of the usual <sys/sdt.h> has a single byte.) Without a tracer a
 * probe costs a nop; there are no semaphores.
 *
 * The format of the note is that of <sys/sdt.h>: .note.stapsdt, type 3: address of
 * the nop, of a base (by which prelinking is undone), of a semaphore; provider,
 * name, arguments as SIZE@OPERAND. All are unsigned: 8 bytes in a register or a number,
 * but for types of tasks, of 2 bytes, which stay in memory: no load without a tracer.
 */
#ifndef BH_IPC_USDT_H
#define BH_IPC_USDT_H

#if defined(__x86_64__)
#define BH_USDT_NOP ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00"
#else
#define BH_USDT_NOP "nop"
#endif

#define BH_USDT_ASM(name, args, ...)                                       \
	__asm__ volatile("990: " BH_USDT_NOP "\n"                          \
			 ".pushsection .note.stapsdt,\"\",\"note\"\n"      \
			 ".balign 4\n"                                     \
			 ".4byte 992f-991f, 994f-993f, 3\n"                \
			 "991: .asciz \"stapsdt\"\n"                       \
			 "992: .balign 4\n"                                \
			 "993: .8byte 990b, _.stapsdt.base, 0\n"           \
			 ".asciz \"bulkhead\"\n"                           \
			 ".asciz \"" #name "\"\n"                          \
			 ".asciz \"" args "\"\n"                           \
			 "994: .balign 4\n"                                \
			 ".popsection\n"                                   \
			 ".ifndef _.stapsdt.base\n"                        \
			 ".pushsection .stapsdt.base,\"aG\",\"progbits\"," \
			 ".stapsdt.base,comdat\n"                          \
			 ".weak _.stapsdt.base\n"                          \
			 ".hidden _.stapsdt.base\n"                        \
			 "_.stapsdt.base: .space 1\n"                      \
			 ".size _.stapsdt.base, 1\n"                       \
			 ".popsection\n"                                   \
			 ".endif\n" ::__VA_ARGS__)

#define BH_USDT_ARG(v) "nr"((unsigned long)(v))

/* A task, its type (in memory), and (SPAWN, WAKE) the task that did it. */
#define BH_USDT_TASK(name, a, type) BH_USDT_ASM(name, "8@%0 2@%1", BH_USDT_ARG(a), "m"(type))
#define BH_USDT_BY(name, a, type, by) \
	BH_USDT_ASM(name, "8@%0 2@%1 8@%2", BH_USDT_ARG(a), "m"(type), BH_USDT_ARG(by))

#define BH_USDT1(name, a)    BH_USDT_ASM(name, "8@%0", BH_USDT_ARG(a))
#define BH_USDT2(name, a, b) BH_USDT_ASM(name, "8@%0 8@%1", BH_USDT_ARG(a), BH_USDT_ARG(b))
#define BH_USDT3(name, a, b, c) \
	BH_USDT_ASM(name, "8@%0 8@%1 8@%2", BH_USDT_ARG(a), BH_USDT_ARG(b), BH_USDT_ARG(c))
#define BH_USDT4(name, a, b, c, d)                                                               \
	BH_USDT_ASM(name, "8@%0 8@%1 8@%2 8@%3", BH_USDT_ARG(a), BH_USDT_ARG(b), BH_USDT_ARG(c), \
		    BH_USDT_ARG(d))

#endif
