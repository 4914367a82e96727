/* SPDX-License-Identifier: MIT */
/*
 * bulkhead.hpp: what C++ (11 and later) adds to the C API, which is used beside it: handles
 * that end with their scope, tasks from lambdas, containers in a task's memory.
 *
 *     bh::task t;
 *     bh::result res;
 *     int err = bh::spawn(t, [n] { return n * n; }); // n is copied into the task
 *     if (!err)
 *             err = t.join(res, bh_after(BH_S(1))); // res.value, if res.end says so
 *
 * Errors are negative numbers, as in C. Nothing here throws but bh::allocator. No exception
 * may leave a function that the C API calls back (bh_run_until(), bh_token_run(), bh_defer()).
 *
 * Destructors and the ends of a task
 *   returned  They run, as at any return.
 *   aborted   A fiber goes on, with -BH_ECANCELED from each call that waits, and returns:
 *             they run. A poll task is not polled again, and a job's process is ended
 *             (blocking.h): they do not run.
 *   else      Crashed (an exception that leaves a task's function is a crash), timed out,
 *             lost, reset: they do not run.
 * Where they do not, the runtime gives back what the task owned: sockets, tokens, bh_alloc()
 * memory, children. Resources unknown to it, such as malloc() memory in the worker, are lost.
 *
 * Across a call that can wait, objects on a fiber's stack may be kept, and so may all objects
 * of this header; malloc() memory may not (task.h). So a std::string, a std::function, or a
 * container without bh::allocator must be gone by then.
 */
#ifndef BULKHEAD_BULKHEAD_HPP
#define BULKHEAD_BULKHEAD_HPP

#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include <bulkhead/bulkhead.h>

namespace bh
{
/*
 * Owns the object of a C handle, and ends it by @End. The object belongs to a task, as in C:
 * to give a socket to another task, pass it in opts.give and let the lambda capture its get()
 * and make a bh::io of that; the giver then release()s its own handle.
 */
template <int (*End)(uint64_t)> class handle
{
	uint64_t raw_;

public:
	explicit handle(uint64_t raw = 0) noexcept : raw_(raw) {}
	handle(handle &&other) noexcept : raw_(other.release()) {}
	handle &operator=(handle &&other) noexcept
	{
		reset(other.release());
		return *this;
	}
	~handle() { reset(); }
	explicit operator bool() const noexcept { return raw_ != 0; }
	/* For C calls; this stays the owner. */
	uint64_t get() const noexcept { return raw_; }
	/* The same, and this is the owner no longer. */
	uint64_t release() noexcept
	{
		uint64_t raw = raw_;

		raw_ = 0;
		return raw;
	}
	/* Ends the object it owns, and owns @raw. */
	void reset(uint64_t raw = 0) noexcept
	{
		uint64_t old = raw_;

		raw_ = raw;
		if (old)
			End(old);
	}
	/* For C calls that make one: bh_accept(listener.get(), peer.out(), ...). */
	uint64_t *out() noexcept
	{
		reset();
		return &raw_;
	}
};

using io = handle<bh_close>;          /* a socket or listener: closed */
using token = handle<bh_token_close>; /* a token that this task made: canceled, and gone */

struct deleter {
	void operator()(void *p) const noexcept { bh_free(p); }
	void operator()(struct bh_scope *s) const noexcept { bh_scope_close(s); }
	void operator()(struct bh_reader *r) const noexcept { bh_reader_close(r); }
	void operator()(struct bh_writer *w) const noexcept { bh_writer_close(w); }
};

/* bh_alloc() memory of this task: bh::block<char[]> text(static_cast<char *>(bh_alloc(n))). */
template <class T> using block = std::unique_ptr<T, deleter>;

/* A scope (cancel.h): its children are aborted and waited for. */
using scope = std::unique_ptr<struct bh_scope, deleter>;

/* buffered.h: of a bh::io that lives longer. */
using reader = std::unique_ptr<struct bh_reader, deleter>;
using writer = std::unique_ptr<struct bh_writer, deleter>;

BH_NODISCARD inline int open(reader &r, const io &from, size_t most = 0) noexcept
{
	struct bh_reader *raw;
	int err = bh_reader_open(&raw, from.get(), most);

	if (!err)
		r.reset(raw);
	return err;
}
BH_NODISCARD inline int open(writer &w, const io &to, size_t room = 0) noexcept
{
	struct bh_writer *raw;
	int err = bh_writer_open(&raw, to.get(), room);

	if (!err)
		w.reset(raw);
	return err;
}

namespace detail
{
/* A scope waits for a child even where its caller was aborted or is out of time. */
inline int end_task(bh_task child) noexcept
{
	struct bh_scope *s;
	int err = bh_abort(child);

	if (!err)
		err = bh_join(child, nullptr, BH_FOREVER);
	if (err && !bh_scope_open(&s)) {
		err = bh_scope_add(s, child);
		bh_scope_close(s);
	}
	return err;
}
} // namespace detail

/* How a task ended, with its reply, which is freed with this. */
struct result : bh_result {
	result() noexcept : bh_result() {}
	result(const result &) = delete;
	result &operator=(const result &) = delete;
	~result() { bh_free(data); }
	/* Emptied, for C calls that fill one. */
	bh_result *out() noexcept
	{
		bh_free(data);
		static_cast<bh_result &>(*this) = bh_result();
		return this;
	}
};

/*
 * A child. Like a std::jthread it is asked to end and waited for in the destructor: aborted, and
 * joined, even if the spawner was aborted itself. So variables declared before this object
 * outlive the child, unless the spawner crashes. Where waiting is not possible (in a
 * poll task or a job) the child is aborted and detached. For bh_abort() there is get().
 */
class task : public handle<detail::end_task>
{
	int joined(int err) noexcept
	{
		if (err == 0 || err == -BH_ESTALE)
			release();
		return err;
	}

public:
	using handle::handle;

	/* As bh_join(). After errors but -BH_ESTALE this is still the owner. */
	BH_NODISCARD int join(result &res, int64_t deadline) noexcept
	{
		return joined(bh_join(get(), res.out(), deadline));
	}
	BH_NODISCARD int join(int64_t deadline) noexcept
	{
		return joined(bh_join(get(), nullptr, deadline));
	}
	int detach() noexcept /* lets it go on without an owner */ { return bh_detach(release()); }
};

namespace detail
{
template <class F> struct callable {
	static_assert(
		std::is_trivially_copyable<F>::value,
		"bh: a task's function is copied byte by byte: capture numbers, plain structs "
		"and arrays of char by value; of a bh::io its get(), and give it by opts.give");
	static_assert(sizeof(F) <= 1 << 20, "bh: a task's captures are at most 1 MiB: send it the "
					    "rest, or let it read that from a file");
	static_assert(alignof(F) <= 16, "bh: a task's captures are aligned to 16 bytes at most: "
					"copy what needs more into an object of the task's");

	static_assert(std::is_convertible<decltype(std::declval<F &>()()), int64_t>::value,
		      "bh: a task's function returns the task's value, an int64_t");

	static int64_t run(void *arg) noexcept { return (*static_cast<F *>(arg))(); }
};
} // namespace detail

/*
 * As bh_spawn(), with a copy of @fn: a lambda, or another callable that returns an
 * int64_t. Variables captured by reference lie in the spawner's stack: they stay valid until
 * the spawner crashes, if they were declared before @child. A task
 * that starts again (opts->on_crash) finds its captures as the crashed run left them.
 */
template <class F>
BH_NODISCARD int spawn(task &child, const F &fn, const bh_spawn_opts *opts = nullptr) noexcept
{
	return bh_spawn(child.out(), detail::callable<F>::run, &fn, sizeof(fn), opts);
}
template <class F> /* in a process for what blocks: blocking.h */
BH_NODISCARD int spawn_blocking(task &child, const F &fn,
				const bh_spawn_opts *opts = nullptr) noexcept
{
	return bh_spawn_blocking(child.out(), detail::callable<F>::run, &fn, sizeof(fn), opts);
}

/* In a scope, which the first of its children opens. For C calls there is its get(). */
template <class F>
BH_NODISCARD int spawn(scope &s, const F &fn, const bh_spawn_opts *opts = nullptr) noexcept
{
	struct bh_scope *raw = s.get();
	int err = raw ? 0 : bh_scope_open(&raw);

	if (err)
		return err;
	if (!s)
		s.reset(raw);
	return bh_scope_spawn(raw, detail::callable<F>::run, &fn, sizeof(fn), opts);
}

/*
 * For containers that this task keeps across waits: std::vector<char, bh::allocator<char>>.
 * Throws std::bad_alloc where bh_alloc() says NULL, from 16 MiB on, too.
 */
template <class T> struct allocator {
	using value_type = T;

	static_assert(alignof(T) <= 16, "bh: bh_alloc() aligns to 16 bytes");
	allocator() = default;
	template <class U> allocator(const allocator<U> &) noexcept {}
	T *allocate(size_t n)
	{
		void *p = n <= SIZE_MAX / sizeof(T) ? bh_alloc(n * sizeof(T)) : nullptr;

#ifdef __cpp_exceptions
		if (!p)
			throw std::bad_alloc();
#else
		if (!p)
			std::abort();
#endif
		return static_cast<T *>(p);
	}
	void deallocate(T *p, size_t) noexcept
	{
		bh_free(p);
	}
	template <class U> bool operator==(const allocator<U> &) const noexcept
	{
		return true;
	}
	template <class U> bool operator!=(const allocator<U> &) const noexcept
	{
		return false;
	}
};
} // namespace bh

#endif
