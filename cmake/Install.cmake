# What `cmake --install` puts where. `bulkhead` looks for its other programs beside itself, and
# for modules in ../lib/bulkhead, so the tree may be moved as a whole; hence no GNUInstallDirs,
# whose lib may be another.
include(CMakePackageConfigHelpers)

install(TARGETS bulkhead bhctl bulkhead-admind bulkhead-host bulkhead-host-strict bulkhead-kernel
	bulkhead-strict bulkhead-traced RUNTIME DESTINATION bin)
if(TARGET http)
	install(TARGETS http LIBRARY DESTINATION lib/bulkhead) # what `bulkhead run` alone runs
endif()
install(DIRECTORY include/bulkhead DESTINATION include)
install(DIRECTORY docs DESTINATION share/doc/bulkhead)
install(FILES README.md CAVEATS.md CONTRIBUTING.md LICENSE DESTINATION share/doc/bulkhead)

configure_file(cmake/bulkhead.pc.in bulkhead.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/bulkhead.pc DESTINATION lib/pkgconfig)

install(TARGETS bulkhead_headers EXPORT bulkhead)
install(EXPORT bulkhead NAMESPACE bulkhead:: FILE bulkhead-config.cmake
	DESTINATION lib/cmake/bulkhead)
write_basic_package_version_file(bulkhead-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/bulkhead-config-version.cmake
	DESTINATION lib/cmake/bulkhead)
