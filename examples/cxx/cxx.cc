/* SPDX-License-Identifier: MIT */
/*
 * cxx.cc: a service in C++: answers each number with its half. Try `nc 127.0.0.1 PORT`. What is
 * no number is an exception, which is still there after the wait in its handler.
 */
#include <exception>
#include <string>

#include <bulkhead/bulkhead.hpp>

namespace
{
/* It may be kept across calls that wait. */
using text = std::basic_string<char, std::char_traits<char>, bh::allocator<char>>;

text answer(const char *line)
{
	try {
		return text(std::to_string(std::stod(line) / 2).c_str()) + "\n";
	} catch (const std::exception &wrong) {
		bh_sleep(BH_MS(50)); /* for this wait the task stays in its process */
		return text(wrong.what()) + ": not a number: " + line + "\n";
	}
}

int64_t talk(void *arg)
{
	bh::io peer(*static_cast<bh_io *>(arg)); /* closed however this function is left */
	bh::reader in;
	bh_bytes line;

	if (bh::open(in, peer))
		return -1;
	while (bh_reader_line(in.get(), &line, 0, bh_after(BH_S(60))) == 1) {
		text said = answer(line.data);

		if (bh_write(peer.get(), said.data(), said.size(), bh_after(BH_S(5))) < 0)
			break;
	}
	return 0;
}

int64_t serve(void *)
{
	return bh_serve(0, talk, nullptr);
}
} // namespace

const bh_service bulkhead_service = { sizeof(bh_service), 0, "cxx", nullptr, serve, nullptr };
