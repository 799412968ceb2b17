# Berkeley DB 5.3, as target BerkeleyDB::BerkeleyDB. Other releases have other file formats (6) or functions.
find_path(BerkeleyDB_INCLUDE_DIR NAMES db.h PATH_SUFFIXES db5.3 db53)
find_library(BerkeleyDB_LIBRARY NAMES db-5.3 db5.3 db)
if(BerkeleyDB_INCLUDE_DIR)
  file(STRINGS "${BerkeleyDB_INCLUDE_DIR}/db.h" berkeley_lines REGEX "define[ \t]+DB_VERSION_(MAJOR|MINOR|PATCH)")
  string(REGEX REPLACE "[^0-9;]+" "" berkeley_numbers "${berkeley_lines}")
  string(REPLACE ";" "." BerkeleyDB_VERSION "${berkeley_numbers}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BerkeleyDB REQUIRED_VARS BerkeleyDB_LIBRARY BerkeleyDB_INCLUDE_DIR
  VERSION_VAR BerkeleyDB_VERSION HANDLE_VERSION_RANGE)
if(BerkeleyDB_FOUND AND NOT TARGET BerkeleyDB::BerkeleyDB)
  add_library(BerkeleyDB::BerkeleyDB UNKNOWN IMPORTED)
  set_target_properties(BerkeleyDB::BerkeleyDB PROPERTIES
    IMPORTED_LOCATION "${BerkeleyDB_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${BerkeleyDB_INCLUDE_DIR}")
endif()
mark_as_advanced(BerkeleyDB_INCLUDE_DIR BerkeleyDB_LIBRARY)
