# Every dependency is a Debian 12 package; scripts/packages lists them. This file is also installed: auspexConfig.cmake
# includes it, so that a program which links the static libraries finds what they need.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
find_dependency(fmt)
find_dependency(zstd)
find_dependency(simdjson)
find_dependency(yaml-cpp)
find_dependency(nlohmann_json)

# These come without a usable CMake package.
function(auspex_import name library header)
  if(TARGET auspex_dep::${name})
    return()
  endif()
  find_library(AUSPEX_${name}_LIBRARY ${library})
  find_path(AUSPEX_${name}_INCLUDE ${header})
  if(NOT AUSPEX_${name}_LIBRARY OR NOT AUSPEX_${name}_INCLUDE)
    message(FATAL_ERROR "auspex: ${name} not found (library ${library}, header ${header})")
  endif()
  add_library(auspex_dep::${name} UNKNOWN IMPORTED)
  set_target_properties(auspex_dep::${name} PROPERTIES IMPORTED_LOCATION ${AUSPEX_${name}_LIBRARY}
                        INTERFACE_INCLUDE_DIRECTORIES ${AUSPEX_${name}_INCLUDE})
endfunction()
auspex_import(rocksdb rocksdb rocksdb/db.h)
auspex_import(re2 re2 re2/re2.h)
auspex_import(xxhash xxhash xxhash.h)
auspex_import(roaring roaring roaring/roaring.hh)
