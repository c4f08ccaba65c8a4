# The layer rule: storage <- query <- analytics <- server. A layer is given the include root of itself and of the layers on
# its left, nothing else, so an include to the right does not compile.
add_library(auspex_flags INTERFACE)
# -Wrestrict: g++ 12 warns falsely about std::string concatenation at -O2 and above (GCC bug 105651).
target_compile_options(auspex_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -ffp-contract=off
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<BOOL:${AUSPEX_WERROR}>:-Werror>)
if(AUSPEX_SANITIZE)
  add_compile_options(-fsanitize=${AUSPEX_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${AUSPEX_SANITIZE})
endif()
if(AUSPEX_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()

# auspex_layer(name BELOW layer-to-the-left): the static library auspex_<name> of every .cc below the current folder.
function(auspex_layer name)
  cmake_parse_arguments(ARG "" "BELOW" "" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  list(FILTER sources EXCLUDE REGEX "/(main|auspex_main|database)\\.cc$")
  add_library(auspex_${name} STATIC ${sources})
  add_library(auspex::${name} ALIAS auspex_${name})
  set_target_properties(auspex_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(auspex_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                             $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(auspex_${name} PRIVATE $<BUILD_INTERFACE:auspex_flags>)
  if(ARG_BELOW)
    target_link_libraries(auspex_${name} PUBLIC auspex_${ARG_BELOW})
  endif()
endfunction()
