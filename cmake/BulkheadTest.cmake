# How a test is added: bh_test() for a Check program, bh_script() for a script with a system
# of its own, bh_client() and bh_client_module() for what such a script runs.

# Assertions of processes that a test forks.
add_library(bh_check STATIC ${PROJECT_SOURCE_DIR}/tests/check_child.c)
target_include_directories(bh_check PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(bh_check PRIVATE bh_flags PUBLIC PkgConfig::CHECK)
target_link_options(bh_check INTERFACE
	-Wl,--wrap=_mark_point -Wl,--wrap=_ck_assert_failed)

set(BH_TEST_PROGRAMS ${PROJECT_BINARY_DIR}/tests)
set(BH_CLIENTS ${PROJECT_BINARY_DIR}/tests/clients)

# Scripts are told whether they run under sanitizers, which make everything slower.
set(BH_SLOW 1)
if(BH_SANITIZE)
	set(BH_SLOW 5)
endif()

# What ctest ends a test after: an end for what hangs, and far beyond what any takes on a machine
# that is busy with other things. No test has a limit of its own that would be reached sooner.
set(BH_TIMEOUT 900)

# All programs of a label's tests are built by the target tests-LABEL.
function(bh_label label)
	if(NOT TARGET tests-${label})
		add_custom_target(tests-${label})
	endif()
	add_dependencies(tests-${label} ${ARGN})
endfunction()

# bh_test(NAME SOURCES... [LINK LIBS...] [LABEL LABEL]): a Check program that is
# ctest NAME ("kernel.wheel"). BH_SEED of the environment reaches it and replays
# a random test; exit code 77 is "skipped".
function(bh_test name)
	cmake_parse_arguments(ARG "" "LABEL" "LINK" ${ARGN})
	if(NOT ARG_LABEL)
		set(ARG_LABEL unit)
	endif()
	string(REPLACE "." "_" target "test_${name}")
	add_executable(${target} ${ARG_UNPARSED_ARGUMENTS})
	target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
	target_link_libraries(${target} PRIVATE bh_flags ${ARG_LINK} bh_check)
	set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${BH_TEST_PROGRAMS})
	add_test(NAME ${name} COMMAND ${target})
	set_tests_properties(${name} PROPERTIES
		LABELS ${ARG_LABEL} TIMEOUT ${BH_TIMEOUT} SKIP_RETURN_CODE 77)
	bh_label(${ARG_LABEL} ${target})
endfunction()

# bh_script(NAME SCRIPT LABEL [ALONE] [ARGUMENTS...] [CONFIGURATIONS ...]): SCRIPT (.sh) of this
# folder with these arguments. It runs a system of its own, beside other tests; ALONE run those
# that measure times or memory of the machine, or set what the machine has once.
function(bh_script name script label)
	cmake_parse_arguments(ARG "ALONE" "" "CONFIGURATIONS" ${ARGN})
	add_test(NAME ${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/${script}.sh ${ARG_UNPARSED_ARGUMENTS}
		CONFIGURATIONS ${ARG_CONFIGURATIONS})
	set_tests_properties(${name} PROPERTIES
		LABELS ${label} TIMEOUT ${BH_TIMEOUT} SKIP_RETURN_CODE 77 RUN_SERIAL ${ARG_ALONE}
		ENVIRONMENT "BH_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY};BH_CLIENTS=${BH_CLIENTS};BH_SLOW=${BH_SLOW}")
endfunction()

# bh_client(NAME SOURCES... [LINK LIBS...]): a program for scripts, $BH_CLIENTS/NAME.
function(bh_client name)
	cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
	add_executable(client_${name} ${ARG_UNPARSED_ARGUMENTS})
	target_include_directories(client_${name} PRIVATE ${PROJECT_SOURCE_DIR})
	target_link_libraries(client_${name} PRIVATE bh_flags ${ARG_LINK})
	set_target_properties(client_${name} PROPERTIES OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY ${BH_CLIENTS})
endfunction()

# bh_client_module(NAME SOURCES... [LINK LIBS...]): a service for scripts, $BH_CLIENTS/NAME.so.
function(bh_client_module name)
	cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
	add_library(${name} MODULE ${ARG_UNPARSED_ARGUMENTS})
	target_link_libraries(${name} PRIVATE bh_flags ${ARG_LINK})
	set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${BH_CLIENTS})
endfunction()
