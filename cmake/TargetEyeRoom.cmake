# How everything of ours is compiled.
add_library(target_eye_options INTERFACE)
target_include_directories(target_eye_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(target_eye_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wno-sign-conversion -Wnon-virtual-dtor -Wold-style-cast)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Wrong about concatenated strings in GCC 12 (its bug 105651).
  target_compile_options(target_eye_options INTERFACE -Wno-restrict)
endif()
if(TARGET_EYE_WERROR)
  target_compile_options(target_eye_options INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # As Debian builds what is exposed to a network.
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  target_compile_options(target_eye_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
    -fstack-clash-protection -fcf-protection)
  add_link_options(-pie -Wl,-z,relro,-z,now)
endif()
if(TARGET_EYE_SANITIZE)
  add_compile_options(-fsanitize=${TARGET_EYE_SANITIZE} -fno-omit-frame-pointer)
  if(TARGET_EYE_SANITIZE STREQUAL "address,undefined")
    # What they find at each access to an object, AddressSanitizer finds too; they double the time of a build.
    add_compile_options(-fno-sanitize=null,alignment,object-size,vptr)
  endif()
  add_link_options(-fsanitize=${TARGET_EYE_SANITIZE})
endif()

# target_eye_room(NAME [FOLDERS ...] [SOURCES ...] [TESTS ...] [DEPS ...] [PRIVATE_DEPS ...] [TEST_DEPS ...])
#
# One room of src/ as one library, `room_NAME`, and its tests as one program, `room_NAME_test`. A room
# links only the rooms in DEPS, so that reaching into another one does not link. FOLDERS are the room's own,
# bottom up, for tools/check_rooms.py: each may use those before it.
function(target_eye_room name)
  cmake_parse_arguments(ROOM "" "" "FOLDERS;SOURCES;TESTS;DEPS;PRIVATE_DEPS;TEST_DEPS" ${ARGN})
  if(ROOM_SOURCES)
    add_library(room_${name} STATIC ${ROOM_SOURCES})
    target_link_libraries(room_${name} PUBLIC target_eye_options ${ROOM_DEPS}
      PRIVATE ${ROOM_PRIVATE_DEPS})
  else()
    add_library(room_${name} INTERFACE)
    target_link_libraries(room_${name} INTERFACE target_eye_options ${ROOM_DEPS})
  endif()
  if(TARGET_EYE_TESTS AND ROOM_TESTS)
    add_executable(room_${name}_test ${ROOM_TESTS})
    target_link_libraries(room_${name}_test PRIVATE room_${name} ${ROOM_TEST_DEPS}
      ${ROOM_PRIVATE_DEPS} GTest::gtest_main GTest::gmock)
    # One process for all: a thousand sanitized starts take longer than what they test.
    add_test(NAME room/${name} COMMAND room_${name}_test --gtest_brief=1)
    set_tests_properties(room/${name} PROPERTIES TIMEOUT 600)
  endif()
endfunction()
