/* SPDX-License-Identifier: MIT */
/*
 * context_aarch64.S: context.h for the AAPCS64.
 *
 * A suspended context, from its sp upwards, 176 bytes:
 *
 *     0  x29    8  x30 (return address)
 *    16  x19 .. x28
 *    96  d8 .. d15
 *   160  fpcr
 *   168  unused
 *
 * bh_context_make() builds the same by hand. In both, the canonical frame
 * address is sp + 176 on either side of the change of stacks, so that one set of
 * CFI is right for the whole switch.
 *
 * The return address is stored unsigned, for a signature would hold only at one
 * stack pointer and in one process; the note says BTI and not PAC.
 */
	.text

	.globl bh_context_switch
	.hidden bh_context_switch
	.type bh_context_switch, %function
	.p2align 4
bh_context_switch:
	.cfi_startproc
	hint	#34			/* bti c */
	stp	x29, x30, [sp, #-176]!
	.cfi_def_cfa_offset 176
	.cfi_offset x29, -176
	.cfi_offset x30, -168
	stp	x19, x20, [sp, #16]
	.cfi_offset x19, -160
	.cfi_offset x20, -152
	stp	x21, x22, [sp, #32]
	.cfi_offset x21, -144
	.cfi_offset x22, -136
	stp	x23, x24, [sp, #48]
	.cfi_offset x23, -128
	.cfi_offset x24, -120
	stp	x25, x26, [sp, #64]
	.cfi_offset x25, -112
	.cfi_offset x26, -104
	stp	x27, x28, [sp, #80]
	.cfi_offset x27, -96
	.cfi_offset x28, -88
	stp	d8, d9, [sp, #96]
	.cfi_offset d8, -80
	.cfi_offset d9, -72
	stp	d10, d11, [sp, #112]
	.cfi_offset d10, -64
	.cfi_offset d11, -56
	stp	d12, d13, [sp, #128]
	.cfi_offset d12, -48
	.cfi_offset d13, -40
	stp	d14, d15, [sp, #144]
	.cfi_offset d14, -32
	.cfi_offset d15, -24
	mrs	x2, fpcr
	str	x2, [sp, #160]

	mov	x3, sp
	str	x3, [x0]
	ldr	x3, [x1]
	mov	sp, x3

	/* Writing fpcr is slow on many cores, and it seldom differs. */
	ldr	x3, [sp, #160]
	cmp	x2, x3
	b.eq	1f
	msr	fpcr, x3
1:	ldp	d14, d15, [sp, #144]
	ldp	d12, d13, [sp, #128]
	ldp	d10, d11, [sp, #112]
	ldp	d8, d9, [sp, #96]
	ldp	x27, x28, [sp, #80]
	ldp	x25, x26, [sp, #64]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #32]
	ldp	x19, x20, [sp, #16]
	ldp	x29, x30, [sp], #176
	.cfi_def_cfa_offset 0
	.cfi_restore x29
	.cfi_restore x30
	.cfi_restore x19
	.cfi_restore x20
	.cfi_restore x21
	.cfi_restore x22
	.cfi_restore x23
	.cfi_restore x24
	.cfi_restore x25
	.cfi_restore x26
	.cfi_restore x27
	.cfi_restore x28
	.cfi_restore d8
	.cfi_restore d9
	.cfi_restore d10
	.cfi_restore d11
	.cfi_restore d12
	.cfi_restore d13
	.cfi_restore d14
	.cfi_restore d15
	ret
	.cfi_endproc
	.size bh_context_switch, . - bh_context_switch

	/* Where a new context begins: entry in x19, its argument in x20, the
	 * stack empty and aligned to 16. */
	.type context_first, %function
	.p2align 4
context_first:
	.cfi_startproc
	.cfi_undefined x30
	mov	x0, x20
	blr	x19
	brk	#0x1
	.cfi_endproc
	.size context_first, . - context_first

	.globl bh_context_make
	.hidden bh_context_make
	.type bh_context_make, %function
	.p2align 4
bh_context_make:
	.cfi_startproc
	hint	#34			/* bti c */
	and	x1, x1, #-16
	sub	x1, x1, #176
	adr	x4, context_first
	mrs	x5, fpcr
	stp	xzr, x4, [x1]		/* x29: ends the chain of frame pointers */
	stp	x2, x3, [x1, #16]	/* x19: entry, x20: arg */
	stp	xzr, xzr, [x1, #32]
	stp	xzr, xzr, [x1, #48]
	stp	xzr, xzr, [x1, #64]
	stp	xzr, xzr, [x1, #80]
	stp	xzr, xzr, [x1, #96]
	stp	xzr, xzr, [x1, #112]
	stp	xzr, xzr, [x1, #128]
	stp	xzr, xzr, [x1, #144]
	stp	x5, xzr, [x1, #160]
	str	x1, [x0]
	ret
	.cfi_endproc
	.size bh_context_make, . - bh_context_make

	.section .note.gnu.property, "a", %note
	.p2align 3
	.word	4		/* size of the name */
	.word	16		/* size of the description */
	.word	5		/* NT_GNU_PROPERTY_TYPE_0 */
	.asciz	"GNU"
	.word	0xc0000000	/* GNU_PROPERTY_AARCH64_FEATURE_1_AND */
	.word	4
	.word	1		/* BTI */
	.word	0

	.section .note.GNU-stack, "", %progbits
