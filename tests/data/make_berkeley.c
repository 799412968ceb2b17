/* Made mbox.db and environment-* of berkeley.tar.zst. cc make_berkeley.c -ldb-5.3 */
#include <db.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* improved_mboxlist_sort */
static int rank_of(unsigned char c) {
  return c >= 1 && c <= 8 ? c + 2 : c == 9 || c == 10 ? 1 : c == '.' ? 2 : c;
}

static int compare(DB *db, const DBT *a, const DBT *b) {
  const unsigned char *x = a->data, *y = b->data;
  (void)db;
  for (u_int32_t i = 0; i < a->size && i < b->size; i++)
    if (rank_of(x[i]) != rank_of(y[i])) return rank_of(x[i]) - rank_of(y[i]);
  return a->size < b->size ? -1 : a->size > b->size;
}

static void check(int result) {
  if (result != 0) {
    fprintf(stderr, "%s\n", db_strerror(result));
    exit(1);
  }
}

static void put(DB *db, DB_TXN *txn, const char *key, const char *value) {
  DBT k = {0}, v = {0};
  k.data = (void *)key;
  k.size = strlen(key);
  v.data = (void *)value;
  v.size = strlen(value);
  check(db->put(db, txn, &k, &v, 0));
}

static void make_mbox(const char *name) {
  static const char *const forms[] = {"user.u%d.a", "user.u%d", "user.u%d-x", "user.u%d x"};
  DB *db;
  char key[64];
  check(db_create(&db, NULL, 0));
  check(db->set_bt_compare(db, compare));
  check(db->set_pagesize(db, 512));
  check(db->open(db, NULL, name, NULL, DB_BTREE, DB_CREATE, 0644));
  for (int i = 0; i < 200; i++) {
    const int j = i * 37 % 200;
    snprintf(key, sizeof key, forms[j % 4], j / 4);
    put(db, NULL, key, "v");
  }
  check(db->close(db, 0));
}

/* In the working directory, with its environment in db/. */
static void make_environment(DBTYPE type, const char *name, int unfinished) {
  DB_ENV *env;
  DB_TXN *txn;
  DB *db;
  char here[400], home[512], file[512], key[64], value[64];
  if (getcwd(here, sizeof here) == NULL) exit(1);
  snprintf(home, sizeof home, "%s/db", here);
  snprintf(file, sizeof file, "%s/%s", here, name);
  check(db_env_create(&env, 0));
  env->set_lg_max(env, 65536);
  env->set_lg_bsize(env, 16384);
  env->set_cachesize(env, 0, 49152, 1);
  env->set_lk_max_locks(env, 100);
  env->set_lk_max_objects(env, 100);
  env->set_lk_max_lockers(env, 40);
  env->set_tx_max(env, 10);
  env->mutex_set_max(env, 400);
  check(env->open(env, home, DB_CREATE | DB_INIT_LOCK | DB_INIT_LOG | DB_INIT_MPOOL | DB_INIT_TXN, 0644));
  check(db_create(&db, env, 0));
  db->set_pagesize(db, 1024);
  check(db->open(db, NULL, file, NULL, type, DB_CREATE | DB_AUTO_COMMIT, 0644));
  for (int i = 0; i < 60; i++) {
    check(env->txn_begin(env, NULL, &txn, 0));
    snprintf(key, sizeof key, "key%d", i);
    snprintf(value, sizeof value, "value%d", i);
    put(db, txn, key, value);
    check(txn->commit(txn, i < 40 ? 0 : DB_TXN_NOSYNC));
  }
  if (unfinished) {
    check(env->txn_begin(env, NULL, &txn, 0));
    put(db, txn, "uncommitted", "x");
    put(db, txn, "key3", "changed");
  }
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  if (strcmp(argv[1], "mbox") == 0)
    make_mbox(argv[2]);
  else
    make_environment(strcmp(argv[1], "hash") == 0 ? DB_HASH : DB_BTREE, argv[2], argc > 3);
  return 0;
}
