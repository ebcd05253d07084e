# The one place where dependencies are found. third_party/README.md says what each is for and which
# module wraps it; scripts/packages.txt and scripts/openvino.txt say where it comes from.

# Tools that only make the build faster.
find_program(OCELLUS_CCACHE ccache)
if(OCELLUS_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  # Paths below the checkout count as relative, so that every checkout of a machine shares one cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true
      ${OCELLUS_CCACHE})
endif()
find_program(OCELLUS_MOLD mold)
if(OCELLUS_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

set(THREADS_PREFER_PTHREAD_FLAG ON)

# Every missing one is named at once, with the command that brings it.
set(ocellus_missing "")
macro(ocellus_need name)  # ocellus_need(name find_package arguments...)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    list(APPEND ocellus_missing ${name})
  endif()
endmacro()
macro(ocellus_need_pkg prefix module)  # gives the target PkgConfig::<prefix>
  if(PkgConfig_FOUND)
    pkg_check_modules(${prefix} QUIET IMPORTED_TARGET ${module})
    if(NOT ${prefix}_FOUND)
      list(APPEND ocellus_missing ${module})
    endif()
  endif()
endmacro()

ocellus_need(Threads)                           # Threads::Threads
ocellus_need(simdjson)                          # simdjson::simdjson
ocellus_need(OpenSSL)                           # OpenSSL::Crypto, OpenSSL::SSL
ocellus_need(ZLIB)                              # ZLIB::ZLIB
ocellus_need(prometheus-cpp COMPONENTS core)    # prometheus-cpp::core
ocellus_need(spdlog)                            # spdlog::spdlog
ocellus_need(Boost 1.81)                        # Boost::headers
ocellus_need(CURL)                              # CURL::libcurl
ocellus_need(SQLite3)                           # SQLite::SQLite3
ocellus_need(ICU COMPONENTS uc i18n)            # ICU::uc, ICU::i18n
ocellus_need(CLI11)                             # CLI11::CLI11
ocellus_need(tomlplusplus)                      # tomlplusplus::tomlplusplus
ocellus_need(GTest)                             # GTest::gtest_main, GTest::gmock
ocellus_need(PkgConfig)
ocellus_need_pkg(VIPS vips)                     # PkgConfig::VIPS
ocellus_need_pkg(JPEG libjpeg)                  # PkgConfig::JPEG
ocellus_need_pkg(WEBP libwebp)                  # PkgConfig::WEBP
ocellus_need_pkg(LCMS2 lcms2)                   # PkgConfig::LCMS2

# OpenVINO lies where scripts/bootstrap unpacked the pinned wheel, and nowhere else is looked:
# openvino::runtime, openvino::frontend::onnx, openvino::frontend::tensorflow_lite.
file(STRINGS ${PROJECT_SOURCE_DIR}/scripts/openvino.txt ocellus_openvino REGEX "^openvino==")
string(REGEX REPLACE "^openvino==([0-9.]+) .*" "\\1" ocellus_openvino "${ocellus_openvino}")
ocellus_need(OpenVINO COMPONENTS Runtime ONNX TensorFlowLite NO_DEFAULT_PATH
  PATHS ${PROJECT_SOURCE_DIR}/build/deps/openvino-${ocellus_openvino}/openvino/cmake)
# build/<preset>/ocellus finds it beside itself, so a checkout may be moved.
list(APPEND CMAKE_BUILD_RPATH "\$ORIGIN/../deps/openvino-${ocellus_openvino}/openvino/libs")

# dlib's own target brings libpng, LAPACK and more; what we use are a few objects of its static library.
find_library(OCELLUS_DLIB libdlib.a)
if(OCELLUS_DLIB)
  add_library(ocellus::dlib INTERFACE IMPORTED)
  target_link_libraries(ocellus::dlib INTERFACE ${OCELLUS_DLIB} Threads::Threads)
else()
  list(APPEND ocellus_missing dlib)
endif()

if(ocellus_missing)
  list(JOIN ocellus_missing ", " ocellus_missing)
  message(FATAL_ERROR "Not found: ${ocellus_missing}.\n"
    "Run  scripts/bootstrap  once: it installs what is missing (Debian 12). Then configure again.")
endif()
