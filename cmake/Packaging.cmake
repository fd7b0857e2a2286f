# What is installed, and the Debian package: `./dev package`.
#
# `cmake --install DIRECTORY --component program` installs the program with its page and completions, on any
# system; the component `service` is what the Debian package has besides.
set(TARGET_EYE_MAINTAINER_ADDRESS "target-eye@lists.invalid" CACHE STRING
  "whom the package names for questions about it")
set(packaging ${PROJECT_SOURCE_DIR}/packaging)
set(made ${PROJECT_BINARY_DIR}/packaging)

# These honour SOURCE_DATE_EPOCH.
string(TIMESTAMP date "%B %d, %Y" UTC)
string(REPLACE " 0" " " date "${date}")
string(TIMESTAMP TARGET_EYE_BUILD_DATE_RFC "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${packaging}/debian/changelog.in ${made}/changelog.Debian @ONLY)

add_custom_command(
  OUTPUT ${made}/target-eye.1.gz ${made}/changelog.gz ${made}/changelog.Debian.gz
  COMMAND target-eye --help > help.txt
  COMMAND awk -v help=help.txt -v version=${PROJECT_VERSION} -v "date=${date}" -f ${packaging}/man/render.awk
    ${packaging}/man/target-eye.1.in > target-eye.1
  COMMAND gzip -9nc target-eye.1 > target-eye.1.gz
  COMMAND gzip -9nc ${PROJECT_SOURCE_DIR}/CHANGELOG.md > changelog.gz
  COMMAND gzip -9nc changelog.Debian > changelog.Debian.gz
  DEPENDS target-eye ${packaging}/man/render.awk ${packaging}/man/target-eye.1.in
    ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${made}/changelog.Debian
  WORKING_DIRECTORY ${made}
  VERBATIM)
add_custom_target(packaging DEPENDS ${made}/target-eye.1.gz)

install(TARGETS target-eye DESTINATION bin COMPONENT program)
install(FILES ${made}/target-eye.1.gz DESTINATION share/man/man1 COMPONENT program)
install(FILES ${packaging}/completion/target-eye.bash DESTINATION share/bash-completion/completions
  RENAME target-eye COMPONENT program)
install(FILES ${packaging}/completion/_target-eye DESTINATION share/zsh/vendor-completions
  COMPONENT program)

install(FILES ${packaging}/systemd/target-eye.service DESTINATION lib/systemd/system COMPONENT service)
install(FILES ${packaging}/systemd/target-eye.default DESTINATION /etc/default RENAME target-eye
  COMPONENT service)
install(FILES ${packaging}/systemd/target-eye.logrotate DESTINATION /etc/logrotate.d RENAME target-eye
  COMPONENT service)
install(FILES ${packaging}/debian/copyright ${made}/changelog.gz ${made}/changelog.Debian.gz
  DESTINATION share/doc/target-eye COMPONENT service)
install(FILES ${packaging}/syslog/11-target_eye.conf ${packaging}/syslog/target_eye
  DESTINATION share/doc/target-eye/examples COMPONENT service)

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON)  # For what goes to /etc.
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME target-eye)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The target-eye authors <${TARGET_EYE_MAINTAINER_ADDRESS}>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "durable registry of Prometheus scrape targets")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Services register what Prometheus is to scrape with one HTTP request, instead
of by an edit of its configuration. Registrations are kept durably, and
published in a directory that Prometheus's file_sd_configs watches or as a list
that its http_sd_configs reads.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "prometheus, logrotate")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
file(WRITE ${made}/conffiles "/etc/default/target-eye\n/etc/logrotate.d/target-eye\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${made}/conffiles ${packaging}/debian/postinst
  ${packaging}/debian/prerm ${packaging}/debian/postrm)
include(CPack)
