# The flags every target of ours is built with, and the two ways to add one.

# What a module is compiled with: here, in a project that has this one as a subproject, and
# where it is installed.
add_library(bulkhead_headers INTERFACE)
add_library(bulkhead::headers ALIAS bulkhead_headers)
set_target_properties(bulkhead_headers PROPERTIES EXPORT_NAME headers)
target_include_directories(bulkhead_headers INTERFACE
	$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_compile_options(bulkhead_headers INTERFACE
	$<$<COMPILE_LANGUAGE:C,CXX>:-fstack-clash-protection>)

add_library(bh_flags INTERFACE)
target_compile_definitions(bh_flags INTERFACE _GNU_SOURCE BH_VERSION="${PROJECT_VERSION}")
target_link_libraries(bh_flags INTERFACE bulkhead_headers)
target_compile_options(bh_flags INTERFACE
	$<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough
	-Wnull-dereference -Wconversion -Wno-sign-conversion -fno-common -fno-omit-frame-pointer>
	$<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow -fno-omit-frame-pointer>
	$<$<BOOL:${BH_WERROR}>:-Werror>)
if(BH_SANITIZE)
	# Fibers change stacks and processes: what one process knows of a stack
	# frame is wrong in the next, so stack instrumentation stays out.
	target_compile_options(bh_flags INTERFACE
		-fsanitize=${BH_SANITIZE} -fno-sanitize-recover=all)
	target_link_options(bh_flags INTERFACE -fsanitize=${BH_SANITIZE})
	if(BH_SANITIZE MATCHES "address")
		target_compile_options(bh_flags INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:$<IF:$<C_COMPILER_ID:GNU>,--param=asan-stack=0,SHELL:-mllvm -asan-stack=0>>)
	endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
	target_compile_definitions(bh_flags INTERFACE _FORTIFY_SOURCE=2)
endif()

# bh_library(NAME SOURCES... [LINK LIBS...]): one static library a folder.
function(bh_library name)
	cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
	add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
	target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
	target_link_libraries(${name} PUBLIC bh_flags ${ARG_LINK})
endfunction()

# bh_program(NAME SOURCES... [LINK LIBS...]): an executable in bin/.
function(bh_program name)
	cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
	add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
	target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
	target_link_libraries(${name} PRIVATE bh_flags ${ARG_LINK})
endfunction()
