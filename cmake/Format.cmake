# SPDX-License-Identifier: MIT
# Format.cmake: the number of the shared memory's format, from what lays it out.
#
#   cmake -DCOMPILER=cc -DINCLUDE=DIR -DSOURCE=format_of.c -DOUT=format.c -P Format.cmake
#
# SOURCE includes every header whose structures two programs share. What the preprocessor
# makes of them is hashed, our own lines alone: fields, their order and types, constants,
# and the functions that say what a word means. A comment or a blank is nothing of that; a
# changed name is: two builds agree on the memory only if nothing differs.

execute_process(COMMAND ${COMPILER} -E -dD -D_GNU_SOURCE -I ${INCLUDE} -I ${INCLUDE}/include ${SOURCE}
	OUTPUT_VARIABLE text RESULT_VARIABLE failed)
if(failed)
	message(FATAL_ERROR "${SOURCE} cannot be preprocessed")
endif()

# Semicolons and brackets are what CMake makes lists of.
string(REPLACE ";" "<s>" text "${text}")
string(REPLACE "[" "<o>" text "${text}")
string(REPLACE "]" "<c>" text "${text}")
string(REPLACE "\n" ";" lines "${text}")
set(ours "")
set(own FALSE)
string(LENGTH "${INCLUDE}/" skip)
foreach(line IN LISTS lines)
	if(line MATCHES "^# [0-9]+ \"([^\"]*)\"")
		string(FIND "${CMAKE_MATCH_1}" "${INCLUDE}/" at)
		set(own FALSE)
		if(at EQUAL 0)
			set(own TRUE)
		endif()
	elseif(own)
		string(APPEND ours " ${line}")
	endif()
endforeach()
string(REGEX REPLACE "[ \t]+" " " ours "${ours}")
string(SHA256 hash "${ours}")
string(SUBSTRING ${hash} 0 8 hash)
set(text "/* Made by cmake/Format.cmake. */\n#include \"ipc/system/format.h\"\n\nconst uint32_t bh_format = 0x${hash}u;\n")
if(EXISTS ${OUT})
	file(READ ${OUT} before)
endif()
if(NOT "${before}" STREQUAL "${text}")
	file(WRITE ${OUT} "${text}")
endif()
