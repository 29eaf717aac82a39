# What is installed. The library: one shared object made of every layer, found with find_package(sd35). The program: sd35.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# A shared object of every layer of the library, and more of them.
function(sd35_shared_library name)
  add_library(${name} SHARED)
  get_property(layers GLOBAL PROPERTY SD35_LAYERS)
  foreach(layer ${layers} ${ARGN})
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:${layer}>)
    # What the layer links, except the other layers, whose objects are here.
    get_target_property(libraries ${layer} LINK_LIBRARIES)
    list(FILTER libraries EXCLUDE REGEX "^sd35_")
    target_link_libraries(${name} PRIVATE ${libraries})
  endforeach()
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
  # Instances of the standard library's templates are always visible to the compiler; the linker keeps them in.
  set(map ${PROJECT_SOURCE_DIR}/cmake/${name}.map)
  target_link_options(${name} PRIVATE -Wl,--version-script=${map})
  set_property(TARGET ${name} APPEND PROPERTY LINK_DEPENDS ${map})
  target_include_directories(${name} INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                               $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
endfunction()

sd35_shared_library(sd35)
add_library(sd35::sd35 ALIAS sd35)
set_target_properties(sd35 PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
target_compile_features(sd35 INTERFACE cxx_std_20)

# Its soname is the version of its ABI alone (sd35_abi_version).
sd35_shared_library(sd35c sd35_c_api)
add_library(sd35::c ALIAS sd35c)
set_target_properties(sd35c PROPERTIES VERSION 1.${PROJECT_VERSION} SOVERSION 1 EXPORT_NAME c)

# sd35::version()
target_compile_definitions(sd35_core PRIVATE SD35_VERSION="${PROJECT_VERSION}")

# `cmake --install` installs what is built; ./run has built the program alone.
function(sd35_build_before_install target component)
  install(CODE "execute_process(COMMAND \"${CMAKE_COMMAND}\" --build \"${CMAKE_BINARY_DIR}\" --target ${target}
                                COMMAND_ERROR_IS_FATAL ANY)" COMPONENT ${component})
endfunction()

sd35_build_before_install(sd35 library)
sd35_build_before_install(sd35c library)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/sd35)
install(TARGETS sd35 sd35c EXPORT sd35-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/sd35 DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library)
install(EXPORT sd35-targets NAMESPACE sd35:: DESTINATION ${package_folder} COMPONENT library)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/sd35-config.cmake.in
                              ${PROJECT_BINARY_DIR}/sd35-config.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sd35-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
file(RELATIVE_PATH SD35_INCLUDE_FROM_PKGCONFIG /${CMAKE_INSTALL_LIBDIR}/pkgconfig /${CMAKE_INSTALL_INCLUDEDIR})
configure_file(${CMAKE_CURRENT_LIST_DIR}/sd35c.pc.in ${PROJECT_BINARY_DIR}/sd35c.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sd35c.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
install(FILES ${PROJECT_BINARY_DIR}/sd35-config.cmake ${PROJECT_BINARY_DIR}/sd35-config-version.cmake
        DESTINATION ${package_folder} COMPONENT library)

sd35_build_before_install(sd35-cli program)
set(programs sd35-cli)
if(SD35_TORCH)
  list(APPEND programs sd35-torch)
endif()
install(TARGETS ${programs} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
