# bh_test(NAME SOURCES... [LINK LIBS...] [LABEL LABEL]): a Check program that is
# ctest NAME ("kernel.wheel"). BH_SEED of the environment reaches it and replays
# a random test; exit code 77 is "skipped".

# Assertions of processes that a test forks.
add_library(bh_check STATIC ${PROJECT_SOURCE_DIR}/tests/check_child.c)
target_include_directories(bh_check PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bh_check PRIVATE bh_flags PUBLIC PkgConfig::CHECK)
target_link_options(bh_check INTERFACE
	-Wl,--wrap=_mark_point -Wl,--wrap=_ck_assert_failed)

function(bh_test name)
	cmake_parse_arguments(ARG "" "LABEL" "LINK" ${ARGN})
	if(NOT ARG_LABEL)
		set(ARG_LABEL unit)
	endif()
	string(REPLACE "." "_" target "test_${name}")
	add_executable(${target} ${ARG_UNPARSED_ARGUMENTS})
	target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
	target_link_libraries(${target} PRIVATE bh_flags ${ARG_LINK} bh_check)
	set_target_properties(${target} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
	add_test(NAME ${name} COMMAND ${target})
	set_tests_properties(${name} PROPERTIES
		LABELS ${ARG_LABEL} TIMEOUT 300 SKIP_RETURN_CODE 77)
endfunction()
